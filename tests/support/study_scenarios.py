"""Scenarios that run in a millisecond, some of them with an answer that is known."""

from pathlib import Path
from typing import Any

from sim.scenario import Scenario, make_scenario


def scenario_of(devices: int = 60, **sections: Any) -> Scenario:
    """Return a scenario with one cohort; sections replace or add to what is there."""
    values: dict[str, Any] = {
        "name": "tiny",
        "fleet": {"cohorts": [{"name": "gateway", "devices": devices}]},
        "stages": {"install": {"exponential": {"mean": "60 s"}}},
        "failures": [{"stage": "install", "code": 10, "probability": "30 %"}],
        "campaign": {
            "package": {"version": "2.0", "size": "1 MB"},
            "task_policy": {"retry_count": 1, "retry_interval": "5 min"},
        },
        "run": {"until": "1 d", "seed": 3},
    }
    return make_scenario({**values, **sections})


def files_in(folder: Path) -> dict[str, tuple[int, int]]:
    """Return the files of the units in a study's folder, each with its inode and time of change."""
    return {
        path.name: (path.stat().st_ino, path.stat().st_mtime_ns)
        for path in (folder / "tasks").iterdir()
        if not path.name.startswith(".")
    }


def nothing(job: object, unit: object) -> object:
    """Do no work, in any process: what is left is what handing out costs."""
    return unit
