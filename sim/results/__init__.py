"""From runs to numbers, frames, figures and files.

Decisions:
- Results are computed from `CampaignRun` and nothing else, so that a run made by anyone, or read from
  anywhere, is judged by the same code.
- A replication is condensed as soon as it is done (`Replication`: metrics, curves, calls), instead of
  kept: thirty runs of ten million devices would not fit into memory. The first one keeps its entries
  by device, all of them do if asked.
- Tables are made with Arrow and become pandas frames when somebody looks at them, instead of being
  frames from the start: files and frames can't differ, and the targets of a large fleet are written in
  parts.
- pandas, Arrow, matplotlib and SciPy are imported inside functions: a summary needs none of them, and
  files need no pandas either (`sim.results.files.arrow`).
- `run` is looked up when it is first used: whoever reads stored results needs no SimPy.
- Aalen-Johansen is our own fifteen lines, instead of a dependency: SciPy has no competing risks, and
  the library that has them is the test's oracle.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from sim.results.expectations import Verdict, judge
from sim.results.metrics import run_metrics
from sim.results.recovery import RecoveryCurve, aalen_johansen, recovery_curve
from sim.results.replication import Replication, condense
from sim.results.result import RunResult
from sim.results.statistics import Estimate
from sim.scenario.metrics import COHORT_METRICS, METRICS

if TYPE_CHECKING:
    from sim.results.runner import run

__all__ = [
    "COHORT_METRICS",
    "METRICS",
    "Estimate",
    "RecoveryCurve",
    "Replication",
    "RunResult",
    "Verdict",
    "aalen_johansen",
    "condense",
    "judge",
    "recovery_curve",
    "run",
    "run_metrics",
]


def __getattr__(name: str) -> object:
    """Import what runs scenarios, at its first use."""
    if name != "run":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = import_module("sim.results.runner").run
    globals()[name] = value  # the next look-up doesn't come here
    return value
