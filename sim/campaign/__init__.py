"""The control plane: tasks, waves, operators and outages as SimPy processes over a device plane.

Decisions:
    *SimPy for what few do, one compiled kernel for what devices do*, instead of either for both: a
    process is the natural way to write an operator, and ten million of them would take hours. The
    bridge is one subclass of `simpy.Environment` (`FleetEnvironment`), instead of a loop of its own, so
    that whatever works with SimPy works here.

    *One service for simulation and HTTP* (`BatchTaskService`), judged by `sim.rules`, instead of one
    each. It takes its time from the environment and knows no wire format.

    *A refused call is an answer*, instead of an exception: a campaign in which a script is refused goes
    on, and the ledger shows it.

    *Pace, latency and failures of calls belong to the caller's way* (`ApiClient`, `ApiGateway`), instead
    of to the service: it answers whatever reaches it at once.

    *A call's targets have one form*: ids lose their repetitions where they enter, and the rules judge the
    status of each, instead of positions that are numbered anew on the way and back.

    *The environment asks its service whether anything can still happen* (`attach`, `is_live`), and who
    wants to hear of tasks subscribes, instead of replacing attributes from outside.

    *The scenario ends here*: planes get arrays (`build_spec`), results get records (`CampaignRun`).

    *Names are looked up when they are first used*, instead of being imported here: whoever reads results
    needs the records and a tally, and not SimPy and every process.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sim.campaign.budget import ClientBudget, client_budget, service_limits, sizes_of_tasks
    from sim.campaign.device_names import DeviceNames
    from sim.campaign.environment import FleetEnvironment
    from sim.campaign.invariants import check_invariants
    from sim.campaign.layout.build_spec import build_names, build_spec
    from sim.campaign.processes.client import ApiClient, ApiGateway, Patience
    from sim.campaign.record import CallRecord, CampaignRun, TaskRecord, WaveRecord
    from sim.campaign.run import run_campaign
    from sim.campaign.service.answers import CallAnswer, TaskDetail, TaskPage, TaskView
    from sim.campaign.service.lifecycle import Holds
    from sim.campaign.service.queries import Paging
    from sim.campaign.service.service import BatchTaskService
    from sim.campaign.service.tasks import BatchTask, TaskRequest
    from sim.campaign.service.versions import versions_of

__all__ = [
    "ApiClient",
    "ApiGateway",
    "BatchTask",
    "BatchTaskService",
    "CallAnswer",
    "CallRecord",
    "CampaignRun",
    "ClientBudget",
    "DeviceNames",
    "FleetEnvironment",
    "Holds",
    "Paging",
    "Patience",
    "TaskDetail",
    "TaskPage",
    "TaskRecord",
    "TaskRequest",
    "TaskView",
    "WaveRecord",
    "build_names",
    "build_spec",
    "check_invariants",
    "client_budget",
    "run_campaign",
    "service_limits",
    "sizes_of_tasks",
    "versions_of",
]

_HOME_OF = {
    "ApiClient": "sim.campaign.processes.client",
    "ApiGateway": "sim.campaign.processes.client",
    "BatchTask": "sim.campaign.service.tasks",
    "BatchTaskService": "sim.campaign.service.service",
    "CallAnswer": "sim.campaign.service.answers",
    "CallRecord": "sim.campaign.record",
    "CampaignRun": "sim.campaign.record",
    "ClientBudget": "sim.campaign.budget",
    "DeviceNames": "sim.campaign.device_names",
    "FleetEnvironment": "sim.campaign.environment",
    "Holds": "sim.campaign.service.lifecycle",
    "Paging": "sim.campaign.service.queries",
    "Patience": "sim.campaign.processes.client",
    "TaskDetail": "sim.campaign.service.answers",
    "TaskPage": "sim.campaign.service.answers",
    "TaskRecord": "sim.campaign.record",
    "TaskRequest": "sim.campaign.service.tasks",
    "TaskView": "sim.campaign.service.answers",
    "WaveRecord": "sim.campaign.record",
    "build_spec": "sim.campaign.layout.build_spec",
    "check_invariants": "sim.campaign.invariants",
    "client_budget": "sim.campaign.budget",
    "build_names": "sim.campaign.layout.build_spec",
    "versions_of": "sim.campaign.service.versions",
    "run_campaign": "sim.campaign.run",
    "service_limits": "sim.campaign.budget",
    "sizes_of_tasks": "sim.campaign.budget",
}
"""Public name to the module that defines it."""


def __getattr__(name: str) -> object:
    """Import the module that defines a public name, at its first use."""
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(importlib.import_module(home), name)
    globals()[name] = value  # the next look-up doesn't come here
    return value
