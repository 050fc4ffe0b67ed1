"""Tests of a scenario go to one worker of pytest-xdist; other tests are dealt out as ever."""

import re
from collections import defaultdict
from types import SimpleNamespace

import pytest
from xdist.scheduler import LoadScheduling

from sim.testing.scheduling import scheduler_of

EXPECT = 'expect: {pending: "== 0", failed: "<= 200", attempts: ">= 200"}'
OTHERS = "import pytest\n@pytest.mark.parametrize('i', range(40))\ndef test_own(i):\n    pass\n"


class Worker:
    """What a scheduler knows of a worker."""

    def __init__(self) -> None:
        """Begin with nothing to do."""
        self.sent: list[list[int]] = []
        self.shutting_down = False
        self.gateway = SimpleNamespace(id="gw")

    def send_runtest_some(self, tests: list[int]) -> None:
        """Take tests."""
        self.sent.append(list(tests))

    def shutdown(self) -> None:
        """Get no more tests."""
        self.shutting_down = True


def dealt(names, workers=2, *, by_xdist=False):
    """Return what each worker is sent, as names, when all run what they have one after the other."""
    options = {"maxschedchunk": None, "tx": ["popen"] * workers}
    config = SimpleNamespace(option=SimpleNamespace(**options), getoption=options.get, getvalue=options.get)
    quiet = SimpleNamespace(loadsched=lambda *words: None)
    scheduler = (
        LoadScheduling(config, quiet)
        if by_xdist
        else scheduler_of("load", config, quiet, lambda file: file.endswith(".yaml"))
    )
    nodes = [Worker() for _ in range(workers)]
    for node in nodes:
        scheduler.add_node(node)
        scheduler.add_node_collection(node, names)
    scheduler.schedule()
    while scheduler.has_pending:
        for node in nodes:
            if scheduler.node2pending[node]:
                scheduler.mark_test_complete(node, scheduler.node2pending[node][0])
    return [[names[test] for batch in node.sent for test in batch] for node in nodes]


def workers_of(text):
    """Return the workers that ran the tests of each file, as `pytest -v` says it."""
    found = defaultdict(set)
    for worker, file in re.findall(r"\[(gw\d+)\].*(?:PASSED|FAILED|SKIPPED) (\S+?)::", text):
        found[file].add(worker)
    return found


def test_scheduler__sends_a_scenario_whole_even_if_its_tests_are_shuffled():
    """No two workers have tests of one scenario, whatever the order, and each test is sent once."""
    names = [f"scenarios/{name}.yaml::{i}" for i in range(7) for name in "abcde"] + [
        f"test_x.py::test[{i}]" for i in range(60)
    ]
    names = names[::2] + names[1::2]

    sent = dealt(names)

    files = [{name.partition("::")[0] for name in tests if ".yaml" in name} for tests in sent]
    assert not files[0] & files[1]
    assert files[0]
    assert files[1]
    assert sorted(sent[0] + sent[1]) == sorted(names)


def test_scheduler__gives_two_scenarios_to_two_workers():
    """Nobody is idle while another has two, however few tests there are."""
    for each in (1, 2, 5, 40):
        names = [f"scenarios/{name}.yaml::{i}" for name in "ab" for i in range(each)]

        sent = dealt(names)

        assert [len(tests) for tests in sent] == [each, each]


def test_scheduler__deals_out_other_tests_as_xdist_does():
    """Without a scenario each worker gets what the mode `load` would send."""
    names = [f"tests/test_{i // 10}.py::test[{i}]" for i in range(200)]

    assert dealt(names, workers=3) == dealt(names, workers=3, by_xdist=True)


@pytest.mark.parametrize("mode", [[], ["--dist", "load"], ["--dist", "loadgroup"]])
def test_plugin__keeps_a_scenario_on_one_worker(suite, mode):
    """With `-n 2` alone, and in the mode made for groups; tests of other files go to both."""
    for name in ("one", "two", "three"):
        suite.write(name, more=EXPECT)
    suite.pytester.makepyfile(test_own=OTHERS)

    done = suite.pytester.runpytest_subprocess(*suite.words, "-v", "-n", "2", *mode)

    ran = workers_of(done.stdout.str())
    scenarios = {file: workers for file, workers in ran.items() if file.endswith(".yaml")}
    assert len(scenarios) == 3, done.stdout.str()
    assert {len(workers) for workers in scenarios.values()} == {1}
    assert set.union(*ran.values()) == {"gw0", "gw1"}
