"""Whether a fleet fits into this machine's memory."""

from __future__ import annotations

import os

from sim.errors import Problem, ScenarioError
from sim.scenario.model import ScenarioValues
from sim.scenario.section import Fault
from sim.units import format_size

BYTES_PER_DEVICE = 200
"""What a device costs while a run goes on: its inputs, its state, its records and the result frame."""

BYTES_PER_TIMELINE = 12
"""What its link, and each condition that it may be in, cost on top: a period's number and its end."""


def memory_problem(scenario: ScenarioValues, memory_bytes: int | None = None) -> Problem | None:
    """Return what is wrong if the fleet does not fit into memory.

    Args:
        memory_bytes: Memory of the machine, in bytes; None asks the system.

    Returns:
        None if the fleet fits, or if the system does not tell its memory.
    """
    memory = _memory_bytes() if memory_bytes is None else memory_bytes
    each = BYTES_PER_DEVICE + BYTES_PER_TIMELINE * _most_timelines(scenario)
    need = scenario.n_devices * each
    if memory is None or need <= memory:
        return None
    most = memory // each
    message = (
        f"{scenario.n_devices} devices need about {format_size(need)} of memory, but this machine has "
        f"{format_size(memory)}; at most about {most} devices fit"
    )
    largest = scenario.cohort_sizes.index(max(scenario.cohort_sizes))
    return scenario.source.problem(Fault(("fleet", "cohorts", largest, "devices"), message))


def check_memory(scenario: ScenarioValues) -> None:
    """Refuse a fleet that does not fit into memory.

    Raises:
        ScenarioError: It does not fit.
    """
    problem = memory_problem(scenario)
    if problem is not None:
        raise ScenarioError([problem])


def _most_timelines(scenario: ScenarioValues) -> int:
    """Return for how many links and conditions a device has room; all devices have room for the most."""
    cohorts = scenario.fleet.cohorts
    conditions = max(sum(cause.is_condition for cause in scenario.failures_of(cohort)) for cohort in cohorts)
    return conditions + any(not cohort.online.is_always for cohort in cohorts)


def _memory_bytes() -> int | None:
    """Return the machine's physical memory.

    All of it, not the free part: what the system calls free leaves out the file cache that it gives up
    on demand, so on a busy machine far too little would seem to be there.
    """
    try:
        pages, page_bytes = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # a system without POSIX, or one that keeps it to itself
        return None
    return pages * page_bytes if pages > 0 and page_bytes > 0 else None
