"""The server's time: bounds that hold, jumps that are told, and clocks that nobody needs to wait for."""

import random
from email.utils import formatdate

import pytest

from sim.errors import ScenarioError
from sim.recording.poll_clock import EmulatedClock, Jump, ServerTime, WallClock
from sim.recording.transport import Answer


class HandClock:
    """A local clock that is moved by hand."""

    is_the_servers = False

    def __init__(self, wall_ms=1_000_000_000_000.0):
        """Begin at a time."""
        self.wall_ms = wall_ms
        self.passed_ms = 0.0

    def now_ms(self):
        """Return what the clock on the wall shows."""
        return self.wall_ms + self.passed_ms

    def steady_ms(self):
        """Return what goes on whatever the other does."""
        return self.passed_ms + 5e6

    def sleep(self, seconds):
        """Let time pass."""
        self.passed_ms += seconds * 1e3


def ask(clock, time, offset_ms, *, latency_s=0.1, wait_s=10.0, has_date=True):
    """Ask a server whose clock is ahead; return the true time of its answer and what is thought of it."""
    clock.sleep(wait_s)
    sent = clock.steady_ms()
    clock.sleep(latency_s / 2)
    true_ms = clock.wall_ms + clock.passed_ms + offset_ms
    clock.sleep(latency_s / 2)
    date = formatdate(true_ms // 1000, usegmt=True) if has_date else None
    return true_ms, time.of_answer(sent, clock.steady_ms(), date)


def test_of_answer__the_true_time_lies_within():
    """Whole seconds and latencies of all kinds: the span holds the truth and gets narrow."""
    draw = random.Random(1)
    clock = HandClock()
    time = ServerTime(clock)
    widths = []
    for _ in range(300):
        true_ms, when = ask(
            clock, time, 3_600_123.0, latency_s=draw.uniform(0.01, 1.0), wait_s=draw.uniform(1, 400)
        )
        assert when.earliest_ms <= true_ms <= when.latest_ms
        widths.append(when.latest_ms - when.earliest_ms)

    assert widths[0] >= 2_000
    assert sum(widths[200:]) / 100 < 1_700
    assert time.source == "Date header"
    assert abs(time.offset_ms() - 3_600_123) < 1_500
    assert time.jumps == []


def test_of_answer__a_drift_is_followed_without_a_word():
    """A clock that gains a second an hour is followed for a week."""
    clock = HandClock()
    time = ServerTime(clock)
    for i in range(2_000):
        true_ms, when = ask(clock, time, i * 83.0, wait_s=300)
        assert when.earliest_ms - 2_500 <= true_ms <= when.latest_ms + 2_500
    assert time.jumps == []


def test_of_answer__a_clock_that_jumps_back_is_not_believed():
    """Time goes on, and the jump is told once."""
    clock = HandClock()
    time = ServerTime(clock)
    for _ in range(20):
        ask(clock, time, 0.0)
    before, _ = ask(clock, time, 0.0)
    for i in range(1, 20):
        _, when = ask(clock, time, -3_600_000.0)
        assert when.earliest_ms <= before + i * 10_100 + 2_500
        assert when.latest_ms >= before + i * 10_100 - 2_500
    (jump,) = time.jumps
    assert abs(jump.by_ms + 3_600_000) < 3_000
    assert abs(jump.at_ms - before - 10_000) < 3_000


def test_of_answer__a_clock_that_jumps_ahead_is_believed():
    """A machine that slept finds the time gone on."""
    clock = HandClock()
    time = ServerTime(clock)
    ask(clock, time, 0.0)
    true_ms, when = ask(clock, time, 7_200_000.0)
    assert when.earliest_ms <= true_ms <= when.latest_ms
    assert [abs(jump.by_ms - 7_200_000) < 3_000 for jump in time.jumps] == [True]


def test_of_answer__a_clock_that_was_put_back_between_two_runs():
    """What is recorded already is not overtaken by a clock that went back meanwhile."""
    clock = HandClock()
    time = ServerTime(clock, not_before_ms=int(clock.wall_ms) + 600_000)
    _, when = ask(clock, time, 0.0)
    assert when.latest_ms >= clock.wall_ms + 600_000
    assert len(time.jumps) == 1


def test_of_answer__without_a_date_the_local_clock_counts():
    """A server that tells no time was right at some time between sending and answer."""
    clock = HandClock()
    time = ServerTime(clock)
    true_ms, when = ask(clock, time, 0.0, latency_s=0.5, has_date=False)
    assert (true_ms - when.earliest_ms, when.latest_ms - true_ms) == (250, 250)
    assert time.source == "local clock"
    sent = clock.steady_ms()
    assert time.of_answer(sent, sent, "yesterday").latest_ms == clock.now_ms()


def test_wall_clock__is_the_machines():
    """Both clocks go on, the second one steadily."""
    clock = WallClock()
    begin = clock.steady_ms(), clock.now_ms()
    clock.sleep(0.002)
    assert clock.steady_ms() - begin[0] >= 2.0
    assert clock.now_ms() > 1.7e12


def clock_answer(now_s, *, mode="manual", speed=1.0):
    """Return an emulator's answer about its clock, which began at 1970-01-01."""
    second = int(now_s)
    now = f"19700101T{second // 3600:02}{second // 60 % 60:02}{second % 60:02}Z"
    body = f'{{"now_s":{now_s},"now":"{now}","mode":"{mode}","speed":{speed}}}'
    return Answer(200, {}, body.encode())


def test_emulated_clock__moves_one_that_stands_still():
    """Sleeping moves the server's clock to a whole millisecond, and takes no time."""
    asked = []

    def ask(method, path, body):
        asked.append((method, path, body))
        return clock_answer(1.25 if method == "GET" else 3.251)

    clock = EmulatedClock(ask)
    assert clock.now_ms() == clock.steady_ms() == 1_250
    clock.sleep(2.0005)
    assert clock.now_ms() == 3_251
    assert asked[1] == ("POST", "/_sim/clock/advance", b'{"until_s": 3.251}')


def test_emulated_clock__waits_for_one_that_runs():
    """At a thousand times the speed two seconds take two milliseconds."""
    times = iter([1.0, 3.0])
    clock = EmulatedClock(lambda *_: clock_answer(next(times), mode="real", speed=1000.0))
    clock.sleep(2.0)
    assert 3_000 <= clock.now_ms() < 60_000


def test_emulated_clock__needs_a_server_that_simulates():
    """A real service has no such clock."""
    with pytest.raises(ScenarioError, match=r"no simulated clock \(HTTP 404\)"):
        EmulatedClock(lambda *_: Answer(404, {}, b"{}"))


def test_jump__tells_its_size():
    """A jump is plain numbers, so that it can be stored."""
    assert vars(Jump(1, -2)) == {"at_ms": 1, "by_ms": -2}
