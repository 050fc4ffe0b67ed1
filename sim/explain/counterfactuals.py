"""What would have saved a device: the campaign again, under the same draws, with one thing changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sim.campaign import run_campaign
from sim.cpus import abandoned_early, usable_cpus
from sim.explain.interventions import Change, Lever, changed, levers
from sim.fleet.model.purposes import D_CURRENT
from sim.fleet.reference.cohorts import cohorts_of
from sim.fleet.reference.draws import Draws
from sim.fleet.spec import LEAVES_DEAD, LEAVES_NEW
from sim.rules import Stage, SubtaskState
from sim.traces.timeline import timeline_of, watched_run

if TYPE_CHECKING:
    from sim.campaign.record import CampaignRun
    from sim.fleet.spec import FleetSpec

EVERYTHING: Final = "everything together"


@dataclass(frozen=True)
class Rescue:
    """One thing changed, and how the device fared then.

    Attributes:
        lever: What was changed, like `more retries`.
        text: How: the mildest change that saved the device, else the strongest that was tried.
        status: How the device ended.
        reason: Why its last attempt failed, 0 if it didn't.
        end: Tick of its end, -1 while pending.
        attempts: How many attempts it had.
        killer: Number of the attempt that left it dead where nobody stopped anything; 0 if none did, and for
            other changes.
    """

    lever: str
    text: str
    status: SubtaskState
    reason: int
    end: int
    attempts: int
    killer: int = 0

    @property
    def has_saved(self) -> bool:
        """Whether the device succeeded."""
        return self.status is SubtaskState.SUCCESS


@dataclass(frozen=True)
class Mark:
    """Something that stops a device in every attempt.

    Attributes:
        stage: Stage that no attempt gets through.
        reason: What the device reports, 0 if it says nothing.
        killer: Number of the attempt that left the device dead; 0 if a permanent cause stops it.
        kills: Whether an attempt that gets to that stage leaves the device dead.
    """

    stage: Stage
    reason: int
    killer: int = 0
    kills: bool = False


def mark_of(spec: FleetSpec, device: int) -> Mark | None:
    """Return what makes every attempt of a device fail, None if there is nothing."""
    cohort, draws = cohorts_of(spec)[int(spec.cohort[device])], Draws(spec).of_device(device)
    mark = cohort.mark_of(draws)
    if mark is None or mark.cause.leaves == LEAVES_NEW:  # the next attempt finds the new version
        return None
    if mark.stage > Stage.QUERY and draws[D_CURRENT] < cohort.p_already_current:
        return None  # it has nothing to install, so it never gets there
    return Mark(mark.stage, mark.cause.reason, kills=mark.cause.leaves == LEAVES_DEAD)


def rescues_of(
    run: CampaignRun, device: int, *, progress: Callable[[float], None] | None = None
) -> list[Rescue]:
    """Try what would have let a device succeed that did not.

    Each lever is pulled alone, from its mildest change on, until one saves the device. If none does, all
    of them are pulled together as far as they go.

    Args:
        run: The run that went wrong. Read only.
        device: Device index.
        progress: Called with the share of the work that is done, 0..1.
    """
    status = SubtaskState(int(run.records.status[device]))
    cohort = run.scenario.fleet.cohorts[int(run.spec.cohort[device])]
    known = levers(run.scenario, cohort, status)
    rescues: list[Rescue] = []
    # The kernels leave the interpreter to others. An interrupt ends them all soon.
    workers = max(1, min(len(known), usable_cpus()))
    with abandoned_early(workers, "rescue") as beside:
        for tried in [beside.submit(_pull, run, device, lever, beside.check) for lever in known]:
            rescues.append(tried.result())
            if progress is not None:
                progress(len(rescues) / (len(known) + 1))
    if not any(rescue.has_saved for rescue in rescues):
        strongest = [lever.changes[-1] for lever in known]
        rescues.append(_try(run, device, EVERYTHING, "all of these as far as they go", strongest))
    if progress is not None:
        progress(1.0)
    return rescues


def _pull(run: CampaignRun, device: int, lever: Lever, check: Callable[..., None]) -> Rescue:
    """Try the changes of a lever until one saves the device; return the last one tried."""
    for change in lever.changes:
        rescue = _try(run, device, lever.name, change.text, [change], check)
        if rescue.has_saved:
            break
    return rescue


def _try(
    run: CampaignRun,
    device: int,
    name: str,
    text: str,
    changes: Sequence[Change],
    check: Callable[..., None] | None = None,
) -> Rescue:
    """Run the campaign again with some changes and see how the device fares."""
    scenario = changed(run.scenario, changes)
    is_unstopped = any(change.without_stops for change in changes)
    again = run_campaign(
        scenario,
        seed=run.seed,
        replication=run.replication,
        plane=run.plane,
        log_attempts=is_unstopped,
        progress=check,
    )
    records = again.records
    killer = 0
    if is_unstopped and records.status[device] != SubtaskState.SUCCESS:
        killer = timeline_of(again, device, watched=watched_run(again, device)).killer
    return Rescue(
        lever=name,
        text=text,
        status=SubtaskState(int(records.status[device])),
        reason=int(records.reason[device]),
        end=int(records.end[device]),
        attempts=int(records.attempts[device]),
        killer=killer,
    )
