"""From a session to a scenario: what callers did over HTTP becomes waves and operators.

Not everything that a caller can do has a place in a scenario: waves follow one another, and operators
choose targets by code and cohort. What has none is replaced by the nearest thing that has, and said. In
the end the scenario is run, and every device is compared with the session's.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from sim.campaign import run_campaign
from sim.emulator.export.cohort_split import regroup
from sim.emulator.export.recording import Creation, Recording, Round, record
from sim.emulator.state_folder import scenario_of
from sim.errors import Problem, ScenarioError
from sim.fleet.spec import TICKS_PER_S, to_ticks
from sim.planes.choice import choose_plane
from sim.rules import Call, Limits, SubtaskState, TaskType
from sim.scenario import make_scenario
from sim.scenario.source import plain_copy, yaml_text
from sim.scenario.values import PLATFORM_REASONS

if TYPE_CHECKING:
    from sim.campaign import CampaignRun
    from sim.emulator.journal.journal import Journal
    from sim.fleet.spec import Bools, Int32s
    from sim.scenario import Scenario

_NO_PACE: Final = "1000000000 /s"
_AFTERWARDS_S: Final = 1.0
_GRID_POINTS_MAX: Final = 100_000
_NAME_OF_REASON: Final = {int(reason): name for name, reason in PLATFORM_REASONS.items()}
_COMPARED: Final = ("status", "reason", "attempts", "auto_retries", "manual_retries")
_TIMES: Final = ("first_start", "first_failure", "end")
_SLACK_TICKS: Final = 1


@dataclass(frozen=True)
class Exported:
    """A scenario that repeats a session.

    Attributes:
        values: The scenario as plain values.
        inventory: CSV text of the inventory that it names; None if it names none.
        notes: What is different from the session, in sentences.
        n_devices: Devices of the fleet.
        n_differing: Devices with another outcome than in the session.
    """

    values: dict[str, Any]
    inventory: str | None
    notes: tuple[str, ...]
    n_devices: int
    n_differing: int

    def text(self) -> str:
        """Return the scenario file, with what there is to say in comments above."""
        verdict = "It repeats the session exactly."
        if self.n_differing:
            share = f"{self.n_differing:,} of {self.n_devices:,}"
            verdict = f"{share} devices end otherwise than in the session."
        lines = ["Made from a session of the emulator.", verdict, *self.notes]
        return "".join(f"# {line}\n" for line in lines) + yaml_text(self.values)


@dataclass
class _Wave:
    """Tasks that begin together."""

    start_s: float
    creations: list[Creation]
    devices: list[Int32s] = field(default_factory=list)

    def all_devices(self) -> Int32s:
        """Return the devices of all tasks, ascending."""
        return np.sort(np.concatenate([creation.task.devices for creation in self.creations]))

    def first_end_s(self) -> float | None:
        """Return when all tasks had been over once, None if one never was."""
        ends = [creation.settled_s for creation in self.creations]
        known = [end for end in ends if end is not None]
        return max(known) if len(known) == len(ends) else None


def export_session(journal: Journal, folder: Path, inventory_name: str) -> Exported:
    """Return a scenario that repeats the session in a journal.

    Args:
        folder: Where the scenario is going to lie; an inventory is written there to try it.
        inventory_name: Name of that inventory, should one be needed.

    Raises:
        ScenarioError: No task was created in the session.
    """
    scenario = scenario_of(journal)
    recording = record(journal, scenario)
    if not recording.creations:
        message = "no task was created in this session, so there is nothing to repeat"
        raise ScenarioError([Problem("", message)])
    return _Export(scenario, recording, inventory_name).finish(folder)


class _Export:
    """One export under way."""

    def __init__(self, scenario: Scenario, recording: Recording, inventory_name: str) -> None:
        self._scenario = scenario
        self._recording = recording
        self._inventory_name = inventory_name
        self._notes: list[str] = []
        if recording.was_held:
            self._notes.append("Tasks were made to stay Initializing or Stopping; here they don't.")
        self._number_of: dict[int, int] = {}
        self._start_s = recording.creations[0].created_s
        self._end_s = recording.world.now_s - self._start_s + _AFTERWARDS_S
        self._waves = self._plan_waves()
        devices = [wave.all_devices() for wave in self._waves]
        self._grouping = regroup(scenario, recording.world.service.names, devices)
        if not self._grouping.keeps_order:
            self._notes.append("Devices have other numbers than in the session, hence other draws.")

    def finish(self, folder: Path) -> Exported:
        """Make the scenario, run it, and compare."""
        values = self._values()
        inventory = self._grouping.inventory
        if inventory is not None:
            values["fleet"]["inventory"] = self._inventory_name
            (folder / self._inventory_name).write_text(inventory, encoding="utf-8")
        scenario = make_scenario(values, folder=folder)
        run = run_campaign(scenario, plane=choose_plane("auto", scenario, runs=1))
        values["expect"] = _expectations(run)
        differing = self._differing(run)
        if differing.any():
            self._notes += [
                f"Task {creation.task.number} named its targets in another order; here it is the file's."
                for creation in self._recording.creations
                if creation.task.order is not creation.task.devices
            ]
        return Exported(values, inventory, tuple(self._notes), len(differing), int(differing.sum()))

    # --- tasks ----------------------------------------------------------------------------------

    def _plan_waves(self) -> list[_Wave]:
        """Put tasks that can't follow one another into one wave."""
        waves: list[_Wave] = []
        taken = np.zeros(len(self._recording.world.service.names), np.bool_)
        for creation in self._recording.creations:
            devices = creation.task.devices
            if taken[devices].any():
                self._notes.append(
                    f"Task {creation.task.number} upgraded devices for the second time and is left out."
                )
                continue
            taken[devices] = True
            self._number_of[creation.task.number] = len(self._number_of) + 1
            end_s = waves[-1].first_end_s() if waves else -1.0
            if waves and (end_s is None or creation.created_s < end_s):
                if creation.created_s != waves[-1].start_s:
                    self._notes.append(
                        f"Task {creation.task.number} was created while others ran; it begins with them here."
                    )
                waves[-1].creations.append(creation)
            else:
                waves.append(_Wave(creation.created_s, [creation]))
        return waves

    def _targets_per_task(self) -> int:
        """Return the size to which waves are cut, so that their tasks come out as they were."""
        size = max(len(creation.task) for wave in self._waves for creation in wave.creations)
        for wave in self._waves:
            whole = wave.all_devices()
            for k, creation in enumerate(wave.creations):
                if not np.array_equal(whole[k * size : (k + 1) * size], creation.task.devices):
                    self._notes.append(f"Task {creation.task.number} has other targets here.")
        return size

    def _campaign(self) -> dict[str, Any]:
        """Return the section `campaign`."""
        written = plain_copy(self._scenario.source.data["campaign"])
        tasks = [creation.task for wave in self._waves for creation in wave.creations]
        first = tasks[0]
        delay_s = [_delay_s(creation) for wave in self._waves for creation in wave.creations]
        for task, delay in zip(tasks, delay_s, strict=True):
            same = (task.request.task_policy, task.request.need_confirm, delay) == (
                first.request.task_policy,
                first.request.need_confirm,
                delay_s[0],
            )
            if not same:
                self._notes.append(f"Task {task.number} had another policy; here it has that of the first.")
            version, here = task.request.version, self._scenario.campaign.package.version
            if version not in (None, here):
                self._notes.append(f"Task {task.number} installed {version}; here it installs {here}.")
            if task.task_type is not TaskType(self._scenario.campaign.task_type):
                self._notes.append(f"Task {task.number} was a {task.task_type.value}.")
        for name in ("waves", "what_if", "task_policy", "need_confirm"):
            written.pop(name, None)
        policy = first.request.task_policy
        section: dict[str, Any] = {}
        if policy.retry_interval_min is not None:
            section = {
                "retry_count": policy.retry_count,
                "retry_interval": f"{policy.retry_interval_min} min",
            }
        if delay_s[0] > 0:
            section["schedule_time"] = _seconds(delay_s[0])
        limits = {
            **written.get("limits", {}),
            "targets_per_task": self._targets_per_task(),
            "api_rate": _NO_PACE,
        }
        written |= {
            "order": "file",
            "task_policy": section,
            "need_confirm": first.request.need_confirm,
            "limits": limits,
        }
        if len(self._waves) > 1 or self._grouping.left_out:
            written["waves"] = self._wave_sections()
        return {key: value for key, value in written.items() if value not in ({}, False)}

    def _wave_sections(self) -> list[dict[str, Any]]:
        """Return the waves of the section `campaign`."""
        sections: list[dict[str, Any]] = []
        for k, wave in enumerate(self._waves):
            section: dict[str, Any] = {"name": f"wave{k + 1}", "cohorts": self._grouping.members[k]}
            if k + 1 < len(self._waves):
                soak_s = self._waves[k + 1].start_s - (wave.first_end_s() or 0.0)
                if soak_s > 0:
                    section["soak"] = _seconds(soak_s)
            sections.append(section)
        if self._grouping.left_out:  # waves must name all cohorts: these begin when the run is over
            sections[-1]["soak"] = _seconds(self._end_s)
            sections.append({"name": "never", "cohorts": self._grouping.left_out})
        return sections

    # --- calls ----------------------------------------------------------------------------------

    def _operators(self) -> list[dict[str, Any]]:
        """Return the section `operators`."""
        return [
            self._operator(one)
            for one in self._recording.rounds
            if one.task.number in self._number_of and (one.largest is None or len(one.devices))
        ]

    def _operator(self, one: Round) -> dict[str, Any]:
        """Return an operator that makes the calls of a round."""
        at_s = one.at_s - self._start_s
        operator: dict[str, Any] = {
            "call": one.call.value,
            "at": _seconds(at_s),
            "only": {"tasks": [self._number_of[one.task.number]]},
        }
        if one.largest is None:
            return operator
        operator["only"] |= self._selection(one)
        operator["batch"] = min(max(one.largest, 1), Limits().targets_per_call)
        if one.last_s > one.at_s:
            operator["call_rate"] = f"{(one.n_calls - 1) / (one.last_s - one.at_s):.6g} /s"
        return operator

    def _selection(self, one: Round) -> dict[str, Any]:
        """Return what tells the targets of a round from the others, by code and cohort."""
        chosen = np.isin(one.eligible, one.devices)
        if chosen.all():
            return {}
        by_code = np.isin(one.reasons, one.reasons[chosen])
        cohort = self._recording.world.cohorts_of(one.eligible)
        by_cohort = np.isin(cohort, cohort[chosen])
        has_code = one.call is Call.RETRY and bool((one.reasons[chosen] > 0).all())
        codes = [_NAME_OF_REASON.get(code, code) for code in np.unique(one.reasons[chosen]).tolist()]
        old = [self._scenario.cohort_names[c] for c in np.unique(cohort[chosen]).tolist()]
        cohorts = [part for name in old for part in self._grouping.parts[name]]
        options: list[tuple[Bools, dict[str, Any]]] = [(by_cohort, {"cohorts": cohorts})]
        if has_code:
            options = [
                (by_code, {"codes": codes}),
                *options,
                (by_code & by_cohort, {"codes": codes, "cohorts": cohorts}),
            ]
        for selected, words in options:
            if np.array_equal(selected, chosen):
                return words
        selected, words = options[-1]
        self._notes.append(
            f"The {one.call.value} call at {one.at_s:g} s named {int(chosen.sum()):,} targets of task "
            f"{one.task.number}; here it is for {int(selected.sum()):,}, which no code or cohort tells apart."
        )
        return words

    # --- the rest -------------------------------------------------------------------------------

    def _values(self) -> dict[str, Any]:
        """Return the whole scenario, without expectations."""
        values = plain_copy(self._scenario.source.data)
        for name in ("name", "description", "operators", "expect", "outages"):
            values.pop(name, None)
        if "platform" in values:
            values["platform"].pop("api", None)
        name = self._scenario.name[:90]
        about = f"What callers did over HTTP in a session with the fleet of {name}."
        values = {"name": f"{name}-session", "description": about, **values}
        values["fleet"] = self._grouping.fleet
        values["campaign"] = self._campaign()
        values["operators"] = self._operators()
        values["outages"] = self._outages()
        values["run"] = self._run()
        return {key: value for key, value in values.items() if value not in ([], {})}

    def _run(self) -> dict[str, Any]:
        """Return the section `run`."""
        start = self._recording.world.calendar.start.timestamp() + self._start_s
        begin = np.datetime64(round(start * TICKS_PER_S), "us").item()
        resolution_s = max(self._scenario.run.resolution, self._end_s / _GRID_POINTS_MAX)
        return {
            "start": f"{begin.isoformat()}Z",
            "until": _seconds(self._end_s),
            "resolution": _seconds(min(resolution_s, self._end_s)),
            "seed": self._recording.world.seed,
        }

    def _outages(self) -> list[dict[str, Any]]:
        """Return the section `outages`, counted from the first task."""
        shifted = []
        for written, outage in zip(
            self._scenario.source.data.get("outages") or [], self._scenario.outages, strict=True
        ):
            from_s, to_s = outage.at - self._start_s, outage.at + outage.lasts - self._start_s
            if to_s <= 0:
                continue
            one = {**plain_copy(written), "at": _seconds(max(from_s, 0.0))}
            one["lasts"] = _seconds(to_s - max(from_s, 0.0))
            if outage.cohorts is not None:
                one["cohorts"] = [part for name in outage.cohorts for part in self._grouping.parts[name]]
            shifted.append(one)
        return shifted

    def _differing(self, run: CampaignRun) -> Bools:
        """Tell of each device whether it ended otherwise than in the session."""
        world = self._recording.world
        world.advance_to(to_ticks(world.now_s + _AFTERWARDS_S))
        theirs, ours = world.fleet.records(), run.records
        order, shift = self._grouping.order, to_ticks(self._start_s)
        differing: Bools = (theirs.task[order] >= 0) != (ours.task >= 0)
        for name in _COMPARED:
            differing |= getattr(theirs, name)[order] != getattr(ours, name)
        for name in _TIMES:
            then, now = getattr(theirs, name)[order], getattr(ours, name)
            there = then >= 0
            differing |= there != (now >= 0)
            differing |= there & (np.abs(then - shift - now) > _SLACK_TICKS)
        return differing


def _delay_s(creation: Creation) -> float:
    """Return how long after its creation a task was to start, seconds."""
    start_s = creation.task.request.start_s
    return 0.0 if start_s is None else max(start_s - creation.created_s, 0.0)


def _seconds(time_s: float) -> str:
    """Return a time to the microsecond, as a scenario file has it."""
    return f"{time_s:.6f}".rstrip("0").rstrip(".") + " s"


def _expectations(run: CampaignRun) -> dict[str, str]:
    """Return what the run came to, as expectations for the next ones."""
    counts = np.bincount(run.records.status, minlength=len(SubtaskState))
    attempts = int(run.records.attempts.sum(dtype=np.int64))
    manual = int(run.records.manual_retries.sum(dtype=np.int64))
    expected = {
        "succeeded": int(counts[SubtaskState.SUCCESS]),
        "failed": int(counts[SubtaskState.FAIL]),
        "stopped": int(counts[SubtaskState.STOPPED]),
        "attempts": attempts,
        "manual_retries": manual,
    }
    return {name: f"== {count}" for name, count in expected.items()}
