"""What binds sizes of packages to cohorts, and what is odd about them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from sim.scenario.model import ScenarioValues
from sim.scenario.section import Fault, Path
from sim.scenario.sections.fleet import Cohort
from sim.units import format_size

PACKAGE_BYTES_MAX = 10**9
"""Largest package that the service takes, from an object store.

Source:
    IoTDA user guide, "Uploading a package": at most 1 GB; another page says unlimited.
"""

BYTES_MAX = 2**63 - 1
"""Most bytes that all devices may receive: sums of them are int64."""


def _bytes_can_be_added(scenario: ScenarioValues) -> Iterator[Fault]:
    campaign = scenario.campaign
    tries = 1 + campaign.task_policy.retry_count
    sizes = zip(scenario.fleet.cohorts, scenario.cohort_sizes, strict=True)
    n_bytes = tries * sum(scenario.package_size_of(cohort) * n_devices for cohort, n_devices in sizes)
    if n_bytes > BYTES_MAX:
        yield Fault(
            ("campaign", "package", "size"),
            f"{scenario.n_devices * tries} attempts, retries included, could receive {n_bytes:.3g} B; "
            f"sums of up to {BYTES_MAX:.3g} B can be told",
        )


def package_advice(scenario: ScenarioValues) -> Iterator[Fault]:
    """Yield every warning about sizes of packages.

    Args:
        scenario: Complete and without faults.

    Yields:
        Faults with paths from the top.
    """
    yield from _large_package(scenario)
    for i_cohort, cohort in enumerate(scenario.fleet.cohorts):
        yield from _idle_size(scenario, cohort, ("fleet", "cohorts", i_cohort))


def _large_package(scenario: ScenarioValues) -> Iterator[Fault]:
    own = [cohort.package_size for cohort in scenario.fleet.cohorts]
    sizes: dict[Path, int | None] = {("campaign", "package", "size"): scenario.campaign.package.size}
    sizes |= {("fleet", "cohorts", i_cohort, "package_size"): size for i_cohort, size in enumerate(own)}
    for path, size in sizes.items():
        if size is not None and size > PACKAGE_BYTES_MAX:
            yield Fault(path, f"{format_size(size)}; the service takes at most 1 GB")


def _idle_size(scenario: ScenarioValues, cohort: Cohort, path: Path) -> Iterator[Fault]:
    """Warn of a delta that is none, and of one that nobody downloads."""
    if cohort.package_size is None:
        return
    whole = scenario.campaign.package.size
    if cohort.package_size > whole:
        given = f"{format_size(cohort.package_size)} are more than the package has ({format_size(whole)})"
        yield Fault((*path, "package_size"), f"{given}; a delta is less")
    elif cohort.already_current == 1:
        yield Fault(
            (*path, "package_size"), "changes nothing: all devices run the version already", at_key=True
        )


PACKAGE_CHECKS: Final[tuple[Callable[[ScenarioValues], Iterator[Fault]], ...]] = (_bytes_can_be_added,)
