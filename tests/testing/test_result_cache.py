"""Shelves: what was made is made once, in one process or in several."""

import threading
import time

import pytest

from sim.testing.result_cache import LocalCache, SharedCache


@pytest.fixture(params=["local", "shared"])
def cache(request, tmp_path):
    """Return an empty cache of each kind."""
    return LocalCache() if request.param == "local" else SharedCache(tmp_path)


def test_get__makes_a_thing_once(cache):
    """The second who asks gets what the first has made."""
    made = []

    for _ in range(3):
        assert cache.get("a", lambda: made.append(1) or "thing") == "thing"
    assert cache.get("b", lambda: 2) == 2

    assert made == [1]


def test_get__what_went_wrong_goes_wrong_for_everybody(cache):
    """A fault is not looked for twice, and is raised each time."""
    tried = []

    def fail():
        tried.append(1)
        raise ValueError("no")

    for _ in range(2):
        with pytest.raises(ValueError, match="no"):
            cache.get("a", fail)

    assert tried == [1]


def test_shared_cache__others_wait_for_what_is_being_made(tmp_path):
    """Of several workers that ask at the same time one works; nothing half-made is seen."""
    made, got = [], []

    def make():
        made.append(1)
        time.sleep(0.2)
        return list(range(1000))

    def ask():
        got.append(SharedCache(tmp_path).get("a", make))

    workers = [threading.Thread(target=ask) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert made == [1]
    assert got == [list(range(1000))] * 4


def test_shared_cache__a_fault_leaves_the_way_free(tmp_path):
    """If one worker fails, the next one tries, instead of waiting for ever."""
    with pytest.raises(ZeroDivisionError):
        SharedCache(tmp_path).get("a", lambda: 1 // 0)

    assert SharedCache(tmp_path).get("a", lambda: 5) == 5
