"""The readable plane's clock: appointments that change, and the pause of garbage collections."""

import gc
from threading import Barrier, Thread

import pytest

from sim.fleet.reference.clock import Clock, Kind, collections_paused


def test_appointment__brought_forward_happens_once_and_early():
    """It happens at the tick of the call, as the new kind; its old time passes without an event."""
    clock, seen = Clock(), []
    event = clock.at(9, Kind.TIMER, 4)
    event.callbacks.append(lambda appointment: seen.append((clock.tick, appointment.kind)))
    clock.move_to(5)
    event.bring_forward(Kind.OVER)
    clock.work_off()
    assert seen == [(5, Kind.OVER)]
    assert clock.peek() > 9


def test_appointment__cancelled_never_happens():
    """Nor does it stop the clock on its way."""
    clock, seen = Clock(), []
    event = clock.at(9, Kind.TIMER, 4)
    event.callbacks.append(seen.append)
    event.cancel()
    clock.move_to(20)
    assert (clock.tick, seen) == (20, [])


def test_clock__lets_faults_of_events_out():
    """An event that failed and that nobody waits for is an error of the program."""
    clock = Clock()
    clock.event().fail(ValueError("lost"))
    with pytest.raises(ValueError, match="lost"):
        clock.work_off()


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
