"""Runs a scenario as its user would: a file, the command, the files it wrote."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from sim.cli import main


class Outcome(NamedTuple):
    """What a user finds after a run.

    Attributes:
        metrics: By name, as in `summary.json`; means over replications.
        targets: A row a device.
        folder: All files.
    """

    metrics: dict[str, float]
    targets: pd.DataFrame
    folder: Path


Run = Callable[..., Outcome]


def run_by_command(within: Path, text: str, *options: str) -> Outcome:
    """Run the text of a scenario by the command.

    Args:
        within: Folder for the file and what comes out.
        text: The scenario.
        options: More words of the command.
    """
    folder = within / f"run-{len(list(within.iterdir()))}"
    path = within / f"{folder.name}.yaml"
    path.write_text(text, encoding="utf-8")
    assert main(["run", str(path), "--out", str(folder), "--targets", "all", *options]) == 0
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    metrics = {name: of["mean"] for name, of in summary["metrics"].items()}
    return Outcome(metrics, pd.read_parquet(folder / "targets.parquet"), folder)
