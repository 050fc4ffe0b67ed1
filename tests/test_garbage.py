"""The pause of garbage collections."""

import gc
from threading import Barrier, Thread

import pytest

from sim.garbage import collections_paused


@pytest.mark.parametrize("was_enabled", [True, False])
def test_collections_paused__leaves_the_switch_as_it_was(was_enabled):
    """Also after an error, and when blocks lie within each other."""
    before = gc.isenabled()
    try:
        (gc.enable if was_enabled else gc.disable)()
        with collections_paused(), pytest.raises(RuntimeError), collections_paused():
            raise RuntimeError
        assert gc.isenabled() == was_enabled
    finally:
        (gc.enable if before else gc.disable)()


def test_collections_paused__holds_until_the_last_thread_is_done():
    """A simulation that ends first must not switch collections on for one that still runs."""
    first_out, both_in, seen = Barrier(2), Barrier(2), []

    def short() -> None:
        with collections_paused():
            both_in.wait()
        first_out.wait()

    def long() -> None:
        with collections_paused():
            both_in.wait()
            first_out.wait()
            seen.append(gc.isenabled())

    threads = [Thread(target=short), Thread(target=long)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (seen, gc.isenabled()) == ([False], True)
