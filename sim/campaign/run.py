"""One replication of a campaign, from a scenario to its records."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import simpy
from simpy.core import EmptySchedule

from sim.campaign.budget import service_limits
from sim.campaign.environment import FleetEnvironment, Slices
from sim.campaign.invariants import check_invariants
from sim.campaign.layout.build_spec import build_names, build_spec
from sim.campaign.notes import held_places_notes, spread_notes
from sim.campaign.processes.client import ApiClient, ApiGateway, Patience
from sim.campaign.processes.operators import OperatorProcess
from sim.campaign.processes.ramp import run_abort, run_ramp
from sim.campaign.processes.rollout import CREATE_TRIES, Rollout
from sim.campaign.record import CampaignRun, Plane, TaskRecord
from sim.campaign.service.service import BatchTaskService
from sim.campaign.service.versions import versions_of
from sim.fleet.spec import shares_nothing

if TYPE_CHECKING:
    from sim.campaign.service.tasks import BatchTask
    from sim.fleet.protocol import Fleet
    from sim.fleet.spec import FleetSpec
    from sim.scenario import Operator, Scenario

UserProcess = Callable[[FleetEnvironment, BatchTaskService], Generator[simpy.Event, Any, Any]]
"""A generator function that acts upon the run as a SimPy process."""

_SLICES: Final = 10_000


def run_campaign(
    scenario: Scenario,
    *,
    seed: int | None = None,
    replication: int = 0,
    plane: Plane = "compiled",
    log_attempts: bool = False,
    processes: Sequence[UserProcess] = (),
    progress: Callable[[float], None] | None = None,
    debug: bool = False,
) -> CampaignRun:
    """Run one replication.

    Args:
        seed: First word of the key of all draws, 0..2**64 - 1; None for the scenario's own.
        replication: Second word of that key, >= 0.
        plane: `compiled`, or `simpy`: slow and transparent, with the same results.
        log_attempts: Keep a row an attempt.
        processes: Generator functions `(env, service)` that join the run as SimPy processes.
        progress: Called now and then with the share of devices that have ended, 0..1.
        debug: Check the invariants after every control event, not only at the end.

    Returns:
        What became of the devices, tasks, waves and calls.

    Raises:
        ScenarioError: The scenario asks for something that can't be run, or loops for ever.
        ModelError: An invariant of the model broke.
    """
    spec = build_spec(scenario, seed=seed, replication=replication)
    n_waves = max(1, len(scenario.campaign.waves))
    fleet = _make_fleet(plane, spec, log_attempts=log_attempts, n_groups=n_waves + 1)
    return _Run(scenario, spec, fleet, group_of_others=n_waves, progress=progress, debug=debug).to_the_end(
        plane, processes, log_attempts=log_attempts
    )


def _make_fleet(plane: Plane, spec: FleetSpec, *, log_attempts: bool, n_groups: int) -> Fleet:
    """Return the device plane; only the one that is asked for is imported."""
    if plane == "simpy":  # imports here: one plane loads the compiler, and nobody needs both
        from sim.fleet.reference import SimpyFleet

        return SimpyFleet(spec, log_attempts=log_attempts, n_groups=n_groups)
    from sim.fleet.compiled import CompiledFleet

    return CompiledFleet(spec, log_attempts=log_attempts, n_groups=n_groups)


class _Run:
    """The processes of one run, put together."""

    def __init__(
        self,
        scenario: Scenario,
        spec: FleetSpec,
        fleet: Fleet,
        *,
        group_of_others: int,
        progress: Callable[[float], None] | None,
        debug: bool,
    ) -> None:
        self._scenario = scenario
        self._spec = spec
        self._fleet = fleet
        self._progress = progress
        self._debug = debug
        until_s = scenario.run.until
        # Devices that share nothing are played to their ends in one go, faster than a bar can show.
        first_s = until_s if shares_nothing(spec) else until_s / _SLICES
        slices = None if progress is None else Slices(first_s, self._report)
        self._env = FleetEnvironment(fleet, horizon_s=until_s, slices=slices)
        self._service = BatchTaskService(
            self._env,
            build_names(scenario, spec),
            limits=service_limits(scenario),
            manual_retry_refills=scenario.campaign.manual_retry_refills,
            group=group_of_others,
            versions=versions_of(scenario),
        )
        api = scenario.platform.api
        self._gateway = ApiGateway(
            spec,
            rate_per_s=scenario.campaign.limits.api_rate,
            throttle_share=api.throttle_share,
            error_share=api.error_share,
        )
        script = ApiClient(
            self._service,
            self._gateway,
            label="campaign",
            number=0,
            patience=Patience(tries=CREATE_TRIES),
        )
        self._rollout = Rollout(self._service, script, scenario, spec)
        self._users: list[simpy.Process] = []

    def to_the_end(
        self, plane: Plane, processes: Sequence[UserProcess], *, log_attempts: bool
    ) -> CampaignRun:
        """Run, check, and return the records."""
        self._start_processes(processes)
        self._play()
        end_s = self._env.now_s
        fleet, service = self._fleet, self._service
        fleet.close()
        attempts = fleet.attempt_log() if log_attempts else None
        check_invariants(fleet, service, attempts)
        records, totals, held_up = service.records(), fleet.totals(), fleet.held_up()
        self._env.close()
        return CampaignRun(
            scenario=self._scenario,
            seed=int(self._spec.platform.seed),
            replication=int(self._spec.platform.replication),
            plane=plane,
            spec=self._spec,
            names=service.names,
            records=records,
            curves=fleet.curves(),
            totals=totals,
            held_up=held_up,
            attempts=attempts,
            calls=tuple(service.calls),
            tasks=tuple(_task_record(task) for task in service.tasks),
            orders=tuple(task.order for task in service.tasks),
            waves=self._rollout.records(records),
            what_if=self._scenario.campaign.what_if.names,
            notes=(
                *self._rollout.notes,
                *spread_notes(self._scenario),
                *held_places_notes(self._spec, totals, held_up),
            ),
            end_s=end_s,
        )

    def _play(self) -> None:
        """Run to the end; check the invariants after each control event when debugging."""
        if not self._debug:
            self._env.run()
            return
        with suppress(EmptySchedule):
            while True:
                self._env.step()
                check_invariants(self._fleet, self._service)

    def _start_processes(self, processes: Sequence[UserProcess]) -> None:
        """Start the rollout, what belongs to it, the operators, and the user's processes."""
        env = self._env
        what_if = self._scenario.campaign.what_if
        env.process(self._rollout.run())
        if what_if.dispatch_ramp is not None:
            env.process(run_ramp(env, what_if, is_over=self._is_all_over))
            for abort in what_if.dispatch_ramp.abort:
                env.process(
                    run_abort(env, self._rollout, share=abort.failed_share_max, of_at_least=abort.of_at_least)
                )
        for number, operator in enumerate(self._scenario.operators):
            env.process(self._operator_process(number, operator).run())
        self._users = [env.process(process(env, self._service)) for process in processes]

    def _operator_process(self, number: int, operator: Operator) -> OperatorProcess:
        """Return an operator with its own way to the API."""
        patience = None
        if operator.back_off is not None:
            back_off = operator.back_off
            patience = Patience(back_off.first, back_off.factor, back_off.max, back_off.tries)
        client = ApiClient(
            self._service,
            self._gateway,
            label=f"operators[{number}]",
            number=number + 1,
            rate_per_s=operator.call_rate,
            latency_s=operator.latency,
            patience=patience,
        )
        return OperatorProcess(
            number,
            self._scenario,
            self._spec,
            self._service,
            client,
            is_stopped=lambda: self._rollout.is_stopped,
            is_over=self._nobody_adds_work,
        )

    def _nobody_adds_work(self) -> bool:
        """Tell whether neither a further wave nor a user's process will create a task or call."""
        return self._rollout.is_over and not any(process.is_alive for process in self._users)

    def _is_all_over(self) -> bool:
        """Tell whether nothing is left to be dispatched either."""
        return self._nobody_adds_work() and not self._env.is_live()

    def _report(self) -> None:
        """Tell how much of the fleet has ended."""
        if self._progress is not None:
            self._progress(self._fleet.n_ended() / len(self._spec.cohort))


def _task_record(task: BatchTask) -> TaskRecord:
    """Return a task as it stands."""
    return TaskRecord(
        task_id=task.task_id,
        name=task.task_name,
        task_type=task.task_type.value,
        status=task.state.value,
        progress=task.progress(),
        wave=task.wave,
        n_targets=len(task),
        created_s=task.created_s,
        started_s=task.started_s,
        settled_s=task.settled_s,
    )
