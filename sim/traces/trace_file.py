"""A trace as a file that Perfetto and Chrome open: JSON, an event a line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from sim.atomic_files import write_whole
from sim.errors import Problem, ScenarioError
from sim.garbage import collections_paused
from sim.traces.chosen import SHOWN, DeviceChoice, chosen_devices
from sim.traces.place_queue import mates_at_most
from sim.traces.timeline import Timelines, watched_run
from sim.traces.trace_events import trace_events
from sim.version import __version__

if TYPE_CHECKING:
    from sim.campaign.record import CampaignRun

MATES_MAX: Final = 1_000
"""Devices sharing places in cells and at sites up to which it is found out who held them when."""


def check_trace(path: Path, *, force: bool = False) -> None:
    """Refuse a file that is there already; nothing is changed.

    Args:
        path: Where a trace is to go.
        force: Accept an earlier file.

    Raises:
        ScenarioError: It is refused.
    """
    if path.is_dir():
        problem = "is a folder; a trace needs the name of a file"
    elif path.exists() and not force:
        problem = "is there already; choose another name, or --force to replace it"
    elif any(folder.exists() and not folder.is_dir() for folder in path.parents):
        problem = "lies in a file; a trace needs a folder"
    else:
        return
    raise ScenarioError([Problem("", problem, file=str(path))])


def write_trace(
    run: CampaignRun, path: str | Path, *, devices: DeviceChoice = SHOWN, force: bool = False
) -> Path:
    """Write what devices did in a run as a trace that Perfetto opens.

    A chosen device whose attempt was under way when the run ended takes a second run, which goes on until
    that attempt ends, since nobody can tell before in what stage it is.

    Args:
        run: A run that kept its attempts. Read only.
        path: The file; its folder is made if there is none.
        devices: How many, evenly over the fleet, or the ids of those that are shown.
        force: Replace an earlier file.

    Returns:
        The file.

    Raises:
        ScenarioError: There is no such device, the file is there already, or the run kept no attempts.
        ModelError: Log, ledger and replay contradict each other.
        OSError: The file can't be written.
    """
    target = Path(path)
    check_trace(target, force=force)
    chosen = chosen_devices(run.scenario, run.names, devices)
    if run.attempts is None:
        message = "the run kept no attempts, of which a trace is made; run it with log_attempts=True"
        raise ScenarioError([Problem("log_attempts", message)])
    with collections_paused():  # a hundred thousand events, all of which stay
        text = _text(run, chosen)
    write_whole(target, text, make_folder=True)
    return target


def _text(run: CampaignRun, devices: list[int]) -> str:
    """Return the file's content."""
    with_places = int(mates_at_most(run.spec, np.asarray(devices, np.int64)).sum()) <= MATES_MAX
    timelines = Timelines(run, devices, watched=watched_run(run, *devices), with_places=with_places)
    about = {
        "scenario": run.scenario.name,
        "seed": run.seed,
        "replication": run.replication,
        "starts": run.scenario.run.start.isoformat(),
        "devices": len(run.records.status),
        "devices_shown": len(devices),
        "fleetsim": __version__,
    }
    encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
    events = ",\n".join(map(encode, trace_events(run, devices, timelines)))
    return f'{{"displayTimeUnit":"ms","otherData":{encode(about)},"traceEvents":[\n{events}\n]}}\n'
