"""The versions that tasks install, numbered as a device plane knows them.

A package has no content here but its size, which is the scenario's for all of them: the service is told no
other. Some cohorts may need less of the campaign's own, of that one alone. What tells two apart is what a
device can tell: the kind of task, and the version it reports.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.fleet.protocol import OWN_PACKAGE, PackageRef
from sim.rules import TaskType

if TYPE_CHECKING:
    from sim.campaign.service.tasks import TaskRequest
    from sim.scenario import Scenario


class Versions:
    """Numbers versions in the order in which tasks first name them; the campaign's own is number 0."""

    def __init__(self, task_type: TaskType, version: str, size_bytes: int) -> None:
        """Number the campaign's own version.

        Args:
            task_type: What it is a version of.
            version: Its name.
            size_bytes: Size of all other packages, > 0.
        """
        self._own = (task_type, version)
        self._number = {self._own: 0}
        self._size_bytes = size_bytes

    def package_of(self, request: TaskRequest) -> PackageRef:
        """Return what a task installs."""
        own_type, own_version = self._own
        named = own_version if request.version is None else request.version
        number = self._number.setdefault((request.task_type, named), len(self._number))
        if number == 0:
            return OWN_PACKAGE
        return PackageRef(number, self._size_bytes, int(request.task_type is not own_type))


def versions_of(scenario: Scenario) -> Versions:
    """Return the versions of a scenario's tasks: at first that of its package alone."""
    campaign = scenario.campaign
    return Versions(TaskType(campaign.task_type), campaign.package.version, campaign.package.size)
