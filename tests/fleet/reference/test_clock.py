"""The readable plane's clock: appointments that change."""

import pytest

from sim.fleet.reference.clock import Clock, Kind


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
