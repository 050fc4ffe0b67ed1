"""How probable it is that a cohort with given numbers shows what was seen of it.

Decisions:

- *Outcomes and times apart*: they meet in a device's paths only, and most numbers touch one of them.
- *Arrays instead of compiled loops*: paths of one shape are worked out together, and those that begin alike
  share their beginnings; nothing is to be compiled before the first fit.
- *Checked from outside*: whole histories of devices that the compiled plane plays are as frequent as their
  probability says (chi-square), for links with memory, marks, conditions, timers, retries.
"""
