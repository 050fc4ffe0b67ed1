"""Studies: how sure, how sensitive, how little is enough.

Decisions:
- *The same draws at every point*: replication r has the same seed and number wherever it is run, and draws
  are keyed by device and attempt, so that two points differ by what was changed and by nothing else.
  Differences are paired; fresh draws at each point would need many times as many runs.
- *A unit of work is a pure function with a file*: a few replications at a few points, named by what it is
  (the scenario's digest) instead of by its number. So units may be done anywhere, in any order and twice,
  and a study goes on from whatever whole files it finds, also with more points or replications.
- *Executors of `concurrent.futures`, all of them*: threads (the kernels release the interpreter, nothing
  is pickled), spawned processes for the SimPy plane, Dask for several machines. One loop hands out work
  and resubmits what a dead worker lost; it knows no framework.
- *Metrics only*: a unit keeps some forty numbers a run. Whoever wants frames of one point runs it with
  `sim.run`, same seed, and gets the same digest.
- *Bisection over a finite list of candidates*, instead of an optimizer: an answer is a value that one can
  write into a scenario file, and an exhaustive search over the same list is the oracle.
- *Fronts with a tolerance*, instead of exact ones: thousands of retry policies differ by less than
  anybody cares about.
- *Precision is looked at few and fixed times*, instead of after each replication, where stopping at a
  lucky moment makes intervals lie.
- *Speed is measured here* (`bench`), instead of beside the kernels, since what a user waits for is a
  whole campaign; as ratios and costs a device, because seconds of two machines can't be compared.
"""

from sim.study.goals import Precision
from sim.study.pairs.run import Comparison, compare
from sim.study.plans.search import Plan, plan
from sim.study.policies.search import PolicySearch, policy
from sim.study.replications.run import Replications, replicate
from sim.study.sobol.run import Sensitivity, sensitivity
from sim.study.stored.load_result import load_result
from sim.study.stored.stored_study import StoredStudy
from sim.study.sweeps.run import Sweep, sweep

__all__ = [
    "Comparison",
    "Plan",
    "PolicySearch",
    "Precision",
    "Replications",
    "Sensitivity",
    "StoredStudy",
    "Sweep",
    "compare",
    "load_result",
    "plan",
    "policy",
    "replicate",
    "sensitivity",
    "sweep",
]
