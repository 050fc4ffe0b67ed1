"""Tests of the versions that tasks install."""

import numpy as np

from sim.campaign import TaskRequest, versions_of
from sim.fleet.protocol import OWN_PACKAGE, PackageRef
from sim.rules import TaskType

SOFTWARE = TaskType.SOFTWARE_UPGRADE


def test_package__is_numbered_when_first_named(make_scenario_of):
    """The campaign's own version is number 0, named or not; each kind of task has versions of its own.

    Only of its own does the scenario say by cohort how large it is.
    """
    versions = versions_of(make_scenario_of(campaign={"package": {"version": "2.0", "size": "1 MiB"}}))
    size = 1024**2

    def package(version=None, task_type=TaskType.FIRMWARE_UPGRADE):
        return versions.package_of(TaskRequest("t", task_type, version=version))

    assert package() == package("2.0") == OWN_PACKAGE
    assert package("3.0") == PackageRef(1, size, 0)
    assert package("2.0", SOFTWARE) == package(None, SOFTWARE) == PackageRef(2, size, 1)
    assert package("3.0") == PackageRef(1, size, 0)


def test_package__a_process_names_versions_of_its_own(run_of):
    """A second task with the same version is over after its query, a third with another loads again."""
    ends = []

    def again(env, service):
        yield env.timeout(3600)
        for version in (None, "3.0", "3.0"):
            began_s = env.now_s
            task = service.create_batch_task(
                TaskRequest("again", version=version), np.arange(10, dtype=np.int32)
            )
            yield task.settled
            ends.append(env.now_s - began_s)

    stages = {"query": {"constant": "2 s"}, "install": {"constant": "60 s"}}
    run_of(stages=stages, processes=[again])

    assert ends == [2.0, 62.0, 2.0]
