"""Simulator of device-fleet upgrades that run as batch tasks.

A scenario file describes a fleet, the platform's limits, what fails and how often, and who retries
what and when. A run answers with the result of every device, the recovery curve and the calls:

    import sim

    result = sim.run("scenarios/quickstart.yaml", seed=1)
    result.summary
    result.plot_recovery()

Decision: the names below are looked up when they are first used, instead of being imported here.
Numba, pandas and matplotlib cost about a second at import; a program that only reads a scenario, or
a command that prints its help, must not wait for them.
"""

import importlib
from typing import TYPE_CHECKING

from sim.version import __version__ as __version__

if TYPE_CHECKING:
    from sim.errors import ScenarioError as ScenarioError
    from sim.explain.campaign import limits as limits
    from sim.recording.loading import load_recording as load_recording
    from sim.results import RunResult as RunResult
    from sim.results import run as run
    from sim.scenario import Scenario as Scenario
    from sim.scenario import load_scenario as load_scenario
    from sim.study import compare as compare
    from sim.study import load_result as load_result
    from sim.study import plan as plan
    from sim.study import policy as policy
    from sim.study import replicate as replicate
    from sim.study import sensitivity as sensitivity
    from sim.study import sweep as sweep

_HOME_OF = {
    "RunResult": "sim.results",
    "Scenario": "sim.scenario",
    "ScenarioError": "sim.errors",
    "compare": "sim.study",
    "limits": "sim.explain.campaign",
    "load_recording": "sim.recording.loading",
    "load_result": "sim.study",
    "load_scenario": "sim.scenario",
    "plan": "sim.study",
    "policy": "sim.study",
    "replicate": "sim.study",
    "run": "sim.results",
    "sensitivity": "sim.study",
    "sweep": "sim.study",
}
"""Public name to the package that defines it."""

__all__ = [
    "RunResult",
    "Scenario",
    "ScenarioError",
    "__version__",
    "compare",
    "limits",
    "load_recording",
    "load_result",
    "load_scenario",
    "plan",
    "policy",
    "replicate",
    "run",
    "sensitivity",
    "sweep",
]


def __getattr__(name: str) -> object:
    """Import the package that defines a public name, at its first use."""
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(importlib.import_module(home), name)
    globals()[name] = value  # the next look-up doesn't come here
    return value


def __dir__() -> list[str]:
    """List what is meant for users, the lazy names too, and nothing of how they are found."""
    return sorted(__all__)
