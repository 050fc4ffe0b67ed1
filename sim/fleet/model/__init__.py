"""The model of one device in scalar functions: draws, times, causes, retries, the network's shares.

Decisions:
- Few of them are shared by the planes: what draws are for (`purposes`), the numbers of the normal quantile
  (`wichura`), when a failure is retried (`retry`). What is written once can't be found wrong by comparing
  the planes, so it is held by closed forms.
- The rest is the compiled plane's, and its readers' (`sim.explain`): the readable plane states it again,
  and draws with NumPy's own Philox (`philox`), which needs no compiler.
"""
