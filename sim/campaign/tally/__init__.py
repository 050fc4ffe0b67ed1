"""What became of a fleet, counted: everything that metrics are made from, by cohort and together.

Decisions:
- One compiled pass counts everything, instead of NumPy's dozen passes over whole columns and as many by
  cohort: a fourth of the time, and memory traffic is what a large fleet waits for.
- Percentiles are exact without sorting. The first pass counts times by bucket, which says in which bucket
  a rank lies; a second one collects the few times of those buckets, and one of them has the rank.
- The fleet's numbers are sums of its cohorts'; its buckets are theirs together.
- On one thread: the digest takes longer and runs beside it (`sim.results.replication`).
- It lies beside the run that it counts and not with the results, for `sim.planes` compiles its kernels
  ahead with all others.
- Runs of the SimPy plane are counted by NumPy (`by_numpy`), for the reason that `sim.campaign.scans` gives.
  Both ways give the same numbers, of which the metrics are made.
"""

from sim.campaign.tally.counting import tally_of
from sim.campaign.tally.numbers import Tally

__all__ = ["Tally", "tally_of"]
