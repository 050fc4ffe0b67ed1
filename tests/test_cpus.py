"""Tests of how many processors whoever works may use."""

import threading
import time

import pytest

from sim import cpus
from sim.cpus import AbandonedError, abandoned_early, as_one_of, beside, each_block, each_of, usable_cpus


@pytest.fixture
def eight(monkeypatch):
    """Pretend that this process may use eight processors."""
    monkeypatch.setattr(cpus.os, "sched_getaffinity", lambda _: set(range(8)), raising=False)


@pytest.mark.parametrize(("workers", "share"), [(1, 8), (2, 4), (3, 2), (8, 1), (20, 1)])
def test_as_one_of__gives_each_worker_its_share(eight, workers, share):
    """Eight processors are divided, and nobody goes without."""
    assert as_one_of(workers, usable_cpus) == share


def test_as_one_of__is_over_with_the_call(eight):
    """Arguments and answer pass; after an error, too, all processors are there again."""
    assert as_one_of(2, divmod, 7, 2) == (3, 1)
    with pytest.raises(ZeroDivisionError):
        as_one_of(2, divmod, 7, 0)
    assert usable_cpus() == 8


def test_as_one_of__divides_a_share_again(eight):
    """A worker of a worker has a part of the part."""
    assert as_one_of(2, as_one_of, 2, usable_cpus) == 2


def test_as_one_of__is_about_the_calling_thread_only(eight):
    """Whoever works beside it keeps his own."""
    seen = []

    def beside():
        other = threading.Thread(target=lambda: seen.append(usable_cpus()))
        other.start()
        other.join()

    as_one_of(8, beside)
    assert seen == [8]


@pytest.mark.parametrize("n_threads", [1, 3])
def test_each_block__covers_everybody_once(n_threads):
    """Blocks meet without a gap, whoever works on them."""
    blocks = []
    each_block(100_000, n_threads, lambda lo, hi: blocks.append((lo, hi)))

    assert [lo for lo, _ in sorted(blocks)] == [0, *(hi for _, hi in sorted(blocks))][:-1]
    assert (min(blocks)[0], max(blocks)[1]) == (0, 100_000)


@pytest.mark.parametrize("workers", [1, 8])
def test_beside__is_on_a_thread_of_its_own_if_there_is_a_processor_for_it(eight, workers):
    """The body goes on meanwhile; with one processor the call comes when its result is asked for."""
    body_is_over = threading.Event()

    def call(wait_s):
        return body_is_over.wait(wait_s), threading.current_thread()

    def work():
        with beside(call, 10.0) as result:
            body_is_over.set()
        return result()

    was_over, thread = as_one_of(workers, work)

    assert was_over
    assert (thread is threading.current_thread()) == (workers == 8)


def test_beside__an_error_comes_up_where_the_result_is_asked_for(eight):
    """The body is not disturbed."""
    with beside(divmod, 7, 0) as result:
        pass

    with pytest.raises(ZeroDivisionError):
        result()


@pytest.mark.parametrize("n_threads", [1, 3])
@pytest.mark.parametrize("parts", [[], ["a"], ["a", "b", "c", "d"]])
def test_each_of__works_on_every_part_once(n_threads, parts):
    """Whether there is one thread or several, and however many parts there are."""
    done = []
    each_of(parts, n_threads, done.append)
    assert sorted(done) == parts


def test_abandoned_early__what_runs_ends_at_its_next_look_and_what_waits_never_begins():
    """An interrupt need not wait for work of minutes that nobody wants any more."""
    begun, ended = [], []

    def work(number, check):
        begun.append(number)
        try:
            while True:
                check(0.5)
                time.sleep(0.001)
        except AbandonedError:
            ended.append(number)
            raise

    def interrupted():
        with abandoned_early(2, "work") as beside:
            for number in range(5):
                beside.submit(work, number, beside.check)
            while len(begun) < 2:
                time.sleep(0.001)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()

    assert sorted(begun) == sorted(ended) == [0, 1]


def test_abandoned_early__work_that_is_waited_for_is_left_alone():
    """Its answers come back in the order in which they are asked for."""
    with abandoned_early(2, "work") as beside:
        answers = [beside.submit(lambda n: (beside.check(), n)[1], n) for n in range(5)]
        assert [answer.result() for answer in answers] == [0, 1, 2, 3, 4]
