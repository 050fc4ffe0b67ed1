"""Fleets that no memory holds."""

import os
from collections.abc import Callable

import pytest

from sim.errors import ScenarioError
from sim.scenario import check_memory, memory_problem, parse_scenario
from sim.scenario.memory import BYTES_PER_DEVICE, BYTES_PER_TIMELINE

Spoil = Callable[[str, str], str]


def test_check_memory__refuses_what_can_not_fit(spoil: Spoil) -> None:
    """A thousand million devices are refused on any machine without 200 GB, where the count stands."""
    scenario = parse_scenario(spoil("devices: 1000", "devices: 1000000000"), "x.yaml")
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if memory > 10**9 * BYTES_PER_DEVICE:
        pytest.skip("this machine holds them")
    with pytest.raises(
        ScenarioError,
        match=r"^x\.yaml:3:26: fleet\.cohorts\[0\]\.devices: 1000000100 devices need about 186 GiB",
    ):
        check_memory(scenario)


def test_check_memory__accepts_what_fits(base: str) -> None:
    """A small fleet passes."""
    check_memory(parse_scenario(base))


@pytest.mark.parametrize(
    ("memory_bytes", "fits"), [(1100 * BYTES_PER_DEVICE, True), (1100 * BYTES_PER_DEVICE - 1, False)]
)
def test_memory_problem__at_the_edge(base: str, memory_bytes: int, fits: bool) -> None:
    """The estimate is so many bytes a device, compared with the memory there is."""
    assert (memory_problem(parse_scenario(base), memory_bytes) is None) == fits


def test_memory_problem__counts_links_and_conditions(base: str) -> None:
    """Every device has room for a link if any has one, and for as many conditions as the worst cohort has."""
    lasting = "{stage: query, code: 4, probability: 10 %, lasts: {constant: 1 h}}"
    text = base.replace("lwm2m}", f"lwm2m, failures: [{lasting}], online: {{every: 1 h, for: 1 min}}}}")
    scenario = parse_scenario(f"{text}failures: [{lasting}, {{stage: query, code: 2, probability: 10 %}}]\n")
    need = 1100 * (BYTES_PER_DEVICE + 3 * BYTES_PER_TIMELINE)
    assert memory_problem(scenario, need) is None
    assert memory_problem(scenario, need - 1) is not None


def test_memory_problem__says_what_would_fit(base: str) -> None:
    """The message gives the need, the memory, and the largest fleet that fits."""
    problem = memory_problem(parse_scenario(base), 100 * 1024)
    assert problem is not None
    assert problem.message == (
        "1100 devices need about 215 KiB of memory, but this machine has 100 KiB; at most about "
        "512 devices fit"
    )


def test_memory_problem__unknown_memory(base: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A system that does not tell its memory refuses nothing."""
    monkeypatch.delattr(os, "sysconf")
    scenario = parse_scenario(base.replace("devices: 1000", "devices: 2000000000"))
    assert memory_problem(scenario) is None
