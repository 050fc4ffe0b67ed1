"""Random small fleets and random calls, played on both planes: `same_story` asserts that they agree.

What devices may remember is drawn feature by feature (`fleet.features`).
"""

from collections.abc import Iterable
from math import log10
from typing import Any

import numpy as np
from fleet.features import FEATURES
from fleet.make_spec import daily, make_spec
from fleet.make_timelines import link
from hypothesis import strategies as st

from sim.fleet import spec as fs
from sim.fleet.compiled import CompiledFleet
from sim.fleet.held_up import HeldUp
from sim.fleet.protocol import Fleet, PackageRef
from sim.fleet.reference import SimpyFleet
from sim.rules import Protocol, Reason, Stage, SubtaskState

DAY_S = 86_400
_EXACT = ("task", "status", "reason", "attempts", "auto_retries", "manual_retries", "first_start")
_TIMES = ("first_failure", "end", "bytes")

_share = st.one_of(st.just(0.0), st.floats(0.02, 0.6))
# Whole seconds make ties likely; the drawn ones make them rare.
_duration = st.one_of(
    st.integers(0, 20).map(float),
    st.tuples(st.just(fs.EXPONENTIAL), st.floats(0.1, 60.0)),
    st.tuples(st.just(fs.LOGNORMAL), st.floats(0.1, 60.0), st.floats(0.1, 1.5)),
    st.tuples(st.just(fs.UNIFORM), st.floats(0.0, 10.0), st.floats(10.0, 90.0)),
    st.tuples(st.just(fs.WEIBULL), st.floats(0.5, 3.0), st.floats(1.0, 60.0)),
    st.just((fs.EMPIRICAL, [0.0, 0.5, 1.0], [1.0, 5.0, 200.0])),
)
_link = st.builds(link, st.sampled_from([0.5, 0.0]), st.sampled_from([10.0, 3_000.0, 60_000.0]))


@st.composite
def _cohort(draw: st.DrawFn, *, shared: bool) -> dict[str, Any]:
    """Draw a cohort."""
    protocol = draw(st.sampled_from(list(Protocol)))
    stages = [stage for stage in Stage if stage not in (Stage.CONTACT, Stage.DOWNLOAD)]
    names = ["online", "version", "upgrade"]
    if protocol == Protocol.LWM2M:
        names = ["online", "version", "coverage", "download", "execute"]
    cells = draw(st.sampled_from([0, 0, 3, 10])) if protocol == Protocol.LWM2M else 0
    return {
        "devices": draw(st.integers(1, 60)),
        "protocol": protocol,
        "link_rate": draw(
            st.sampled_from([1e3, 2e4, 1e5, 1e5, fs_inf()] if not shared else [1e3, 2e4, 1e5, 3e5])
        ),
        "link": draw(st.one_of(st.none(), _link)),
        "already_current": draw(_share),
        "spread": draw(st.sampled_from([0.0, 0.0, 1.2])),
        "contact": draw(st.sampled_from([(), (), daily(3_600.0, 7_200.0), daily(10_000.0, 18_400.0)])),
        "timers": {name: draw(st.sampled_from([20.0, 300.0, 4_000.0, 90_000.0])) for name in names},
        "stages": {stage: draw(_duration) for stage in stages if draw(st.booleans())},
        "cell_devices": cells,
        "coverage_share": draw(st.sampled_from([(1.0, 0.0, 0.0), (0.4, 0.3, 0.3), (0.0, 0.0, 1.0)])),
    }


def fs_inf() -> float:
    """Return an unlimited rate."""
    return float("inf")


@st.composite
def _cause(draw: st.DrawFn, n_cohorts: int) -> dict[str, Any]:
    """Draw a failure cause; few enough of them that a stage's probabilities stay below 1."""
    stage = draw(st.sampled_from(list(Stage)))
    return {
        "stage": stage,
        "cohort": draw(st.one_of(st.none(), st.integers(0, n_cohorts - 1))),
        "p": draw(st.sampled_from([0.0, 0.05, 0.2])),
        "permanent": draw(st.sampled_from([0.0, 0.0, 0.1])),
        "reason": draw(st.sampled_from([Reason.BUSY, Reason.CHECK_FAIL])),
        "silent": stage == Stage.CONTACT or draw(st.booleans()),
    }


@st.composite
def fleets(draw: st.DrawFn, features: Iterable[str] = tuple(FEATURES)) -> dict[str, Any]:
    """Draw the arguments of `make_spec` for a fleet of at most 180 devices, some of which remember."""
    arguments = draw(_forgetful_fleets())
    for name in features:
        if draw(st.booleans()):
            arguments = draw(FEATURES[name](arguments))
    return arguments


@st.composite
def _forgetful_fleets(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a fleet in which nothing lasts between two attempts."""
    shared = draw(st.booleans())
    cohorts = draw(st.lists(_cohort(shared=shared), min_size=1, max_size=3))
    starts = sorted(draw(st.lists(st.integers(0, 40), max_size=6, unique=True)))
    away = [
        (600.0 * a, 600.0 * b, draw(st.one_of(st.none(), st.integers(0, len(cohorts) - 1))))
        for a, b in zip(starts[::2], starts[1::2], strict=False)
    ]
    risky = draw(st.booleans())
    return {
        "cohorts": cohorts,
        "causes": draw(st.lists(_cause(len(cohorts)), max_size=4)),
        "away": away if draw(st.booleans()) else [],
        "risks": [{"from_s": 60.0, "to_s": 4_000.0, "p": 0.5, "silent": draw(st.booleans())}]
        if risky
        else [],
        "bandwidth": draw(st.sampled_from([2e4, 1e5, 1e6])) if shared else float("inf"),
        "bandwidth_changes": [(500.0, 5e3), (2_500.0, 4e5)] if shared and draw(st.booleans()) else [],
        "max_processing": draw(st.sampled_from([1, 3, 20, fs.NEVER, fs.NEVER])),
        "dispatch_gap_s": draw(st.sampled_from([0.0, 0.0, 0.7, 13.0])),
        "max_downloads": draw(st.sampled_from([1, 4, fs.NEVER])),
        "cell_places": draw(st.sampled_from([(50, 10, 1), (2, 1, 1)])),
        "package_bytes": draw(st.sampled_from([1, 999, 400_000, 5_000_000])),
        "resolution_s": draw(st.sampled_from([7.0, 300.0, 3_600.0])),
        "seed": draw(st.integers(0, 2**32)),
    }


def _powers(low: float, high: float) -> st.SearchStrategy[float]:
    """Draw numbers of all magnitudes between two bounds, and the bounds themselves."""
    between = st.floats(log10(low), log10(high)).map(lambda power: min(max(10.0**power, low), high))
    return st.one_of(st.sampled_from([low, high]), between)


SLOWEST, FASTEST = 0.125, 1.25e13  # 1 bit/s and 100 Tbit/s, in bytes/s
YEARS_S = 100 * 365 * DAY_S
_rate = _powers(SLOWEST, FASTEST)
_time = _powers(1e-6, YEARS_S)
_rare_link = st.builds(
    link, st.sampled_from([0.5, 0.0]), _powers(YEARS_S / 1e4, YEARS_S)
)  # each cycle is drawn
_long = st.one_of(
    _time,
    st.tuples(st.just(fs.EXPONENTIAL), _time),
    st.tuples(st.just(fs.LOGNORMAL), _time, st.floats(0.0, 10.0)),
    st.tuples(st.just(fs.WEIBULL), st.floats(1e-3, 100.0), _time),
)
_NAMES = {Protocol.MQTT: ("online", "version", "upgrade")}
_NAMES[Protocol.LWM2M] = ("online", "version", "coverage", "download", "execute")


@st.composite
def _extreme_cohort(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a cohort whose rates and times may be anything that a scenario allows."""
    protocol = draw(st.sampled_from(list(Protocol)))
    stages = [Stage.QUERY, Stage.VERIFY, Stage.INSTALL]
    return {
        "devices": draw(st.integers(1, 6)),
        "protocol": protocol,
        "link_rate": draw(_rate),
        "link": draw(st.one_of(st.none(), _rare_link)),
        "spread": draw(st.sampled_from([0.0, 10.0])),
        "site_devices": draw(st.sampled_from([0, 0, 1, 4])),
        "uplink": draw(st.one_of(st.just(fs_inf()), _rate)),
        "at_a_time": draw(st.sampled_from([fs.NEVER, 2])),
        "timers": {name: draw(_time) for name in _NAMES[protocol] if draw(st.booleans())},
        "stages": {stage: draw(_long) for stage in stages if draw(st.booleans())},
    }


@st.composite
def extreme_fleets(draw: st.DrawFn) -> dict[str, Any]:
    """Draw the arguments of `make_spec` for a fleet at the ends of what scenarios allow."""
    cohorts = draw(st.lists(_extreme_cohort(), min_size=1, max_size=3))
    shared = draw(st.booleans())
    bandwidth = draw(_rate) if shared else fs_inf()
    times = sorted(draw(st.lists(_time, max_size=4, unique_by=fs.to_ticks)))
    factor = _powers(1e-15, 1.0)
    changes = [(at, bandwidth * draw(factor)) for at in times] if shared else []
    away = list(zip(times[::2], times[1::2], strict=False))
    return {
        "cohorts": cohorts,
        "causes": draw(st.lists(_cause(len(cohorts)), max_size=2)),
        "away": [(begin, end, None) for begin, end in away] if draw(st.booleans()) else [],
        "bandwidth": bandwidth,
        "bandwidth_changes": changes,
        "max_processing": draw(st.sampled_from([1, fs.NEVER])),
        "dispatch_gap_s": draw(st.one_of(st.just(0.0), _time)),
        "max_downloads": draw(st.sampled_from([1, fs.NEVER])),
        "package_bytes": round(draw(_powers(1, 2**40))),
        "resolution_s": YEARS_S / draw(st.sampled_from([1, 3, 100])),
        "seed": draw(st.integers(0, 2**64 - 1)),
    }


extreme_policies = st.builds(
    lambda count, interval_s, jitter, factor, longest_s: fs.RetryPolicy(
        retry_count=count,
        retry_interval_ticks=fs.to_ticks(interval_s) if count else 0,
        jitter=jitter,
        backoff_factor=factor,
        max_interval_ticks=fs.NEVER if longest_s is None else fs.to_ticks(longest_s),
    ),
    st.integers(0, 5),
    st.sampled_from([60.0, 86_400.0]),
    st.sampled_from([fs.JITTER_NONE, fs.JITTER_FULL, fs.JITTER_EQUAL, fs.JITTER_DECORRELATED]),
    st.sampled_from([1.0, 2.0, 100.0]),
    st.one_of(st.none(), st.just(YEARS_S)),
)

extreme_calls = st.lists(
    st.tuples(
        _time.map(lambda seconds: seconds / 10), st.sampled_from(["retry", "stop", "refill"]), st.just(1)
    ),
    max_size=4,
)

policies = st.builds(
    lambda count, interval_s, jitter, factor, only, penalty: fs.RetryPolicy(
        retry_count=count,
        retry_interval_ticks=fs.to_ticks(interval_s) if count else 0,
        jitter=jitter,
        backoff_factor=factor,
        max_interval_ticks=fs.to_ticks(50_000),
        only_reasons=np.array(only, np.int16),
        penalty_failures=penalty,
        penalty_within_ticks=fs.to_ticks(3_000),
        penalty_rest_ticks=fs.to_ticks(30_000),
    ),
    st.integers(0, 5),
    st.sampled_from([60.0, 300.0, 7_200.0]),
    st.sampled_from([fs.JITTER_NONE, fs.JITTER_NONE, fs.JITTER_FULL, fs.JITTER_DECORRELATED]),
    st.sampled_from([1.0, 1.0, 2.0]),
    st.sampled_from([[], [], [int(Reason.BUSY)], [int(Reason.CHECK_FAIL), int(Reason.VERSION_TIMEOUT)]]),
    st.sampled_from([0, 0, 1, 2]),
)

# (seconds since the call before, what to do, every how many-th device of a task); `task` puts devices that
# are final in one task more.
calls = st.lists(
    st.tuples(
        st.sampled_from([0.0, 1.0, 60.0, 300.0, 20_000.0]),
        st.sampled_from(["retry", "stop", "refill", "finish", "nothing", "task"]),
        st.integers(1, 4),
    ),
    max_size=6,
)


def play(
    fleet: Fleet,
    policy: fs.RetryPolicy,
    n_tasks: int,
    script: list[tuple[float, str, int]],
    until_s: float = 10 * DAY_S,
) -> list[Any]:
    """Play a script of calls and let the fleet run on; return what the watches said and when."""
    story: list[Any] = []
    n = len(fleet.spec.cohort)
    tasks = [
        fleet.add_task(np.arange(k, n, n_tasks, dtype=np.int32), policy, group=k) for k in range(n_tasks)
    ]
    watches = [fleet.watch_settled(task) for task in tasks]
    watches.append(fleet.watch_failures(-1, share=0.2, count=10**9, of_at_least=5))
    watches.append(fleet.watch_failures(0, share=2.0, count=1, of_at_least=1))
    watches.append(fleet.watch_failures(-1, share=0.3, count=10**9, of_at_least=3, first_attempts=True))
    for task in tasks:
        fleet.release(fleet.task_devices(task))

    def until(tick: int) -> None:
        while fleet.advance(tick):
            story.append((fleet.now_ticks, fleet.tripped()))

    now_s = 0.0
    for wait_s, call, step in script:
        now_s += wait_s
        until(fs.to_ticks(now_s))
        while call == "finish" and fleet.finish_tick():
            story.append((fleet.now_ticks, fleet.tripped()))
        if call == "task":
            next_task(fleet, policy, step)
        _call(fleet, call, step)
    until(fs.to_ticks(until_s))
    fleet.close()
    return story


def _call(fleet: Fleet, call: str, step: int) -> None:
    """Make a call on every step-th device it may act upon."""
    status = fleet.records().status
    devices = np.arange(len(status), dtype=np.int32)
    if call == "retry":
        fleet.retry(devices[np.isin(status, [3, 4, 5])][::step])
    elif call == "stop":
        fleet.stop(devices[np.isin(status, [0, 1, 4])][::step])
    elif call == "refill":
        fleet.refill_budget(devices[::step])


def next_task(fleet: Fleet, policy: fs.RetryPolicy, step: int) -> None:
    """Put every step-th device that is final in one task more; `step` says of which package."""
    status = fleet.records().status
    final = np.isin(status, [SubtaskState.SUCCESS, SubtaskState.FAIL, SubtaskState.STOPPED])
    devices = np.flatnonzero(final).astype(np.int32)[::step]
    whole = int(fleet.spec.cohorts.package_bytes.max())
    package = (None, PackageRef(1, 5_000), PackageRef(0, whole + 7), PackageRef(2, 999, 1))[step - 1]
    fleet.release(fleet.task_devices(fleet.add_task(devices, policy, package=package)))


def same_story(
    arguments: dict[str, Any],
    policy: fs.RetryPolicy,
    n_tasks: int,
    script: list[tuple[float, str, int]],
    until_s: float = 10 * DAY_S,
) -> CompiledFleet:
    """Assert that both planes tell the same story of a fleet, to the tick; return the compiled one."""
    spec = make_spec(**arguments)
    compiled = CompiledFleet(spec, log_attempts=True, n_groups=n_tasks)
    simpy = SimpyFleet(spec, log_attempts=True, n_groups=n_tasks)
    stories = [play(fleet, policy, n_tasks, script, until_s) for fleet in (compiled, simpy)]
    assert stories[0] == stories[1]
    same_results(compiled, simpy)
    for name in vars(simpy.attempt_log()):
        ours, theirs = getattr(compiled.attempt_log(), name), getattr(simpy.attempt_log(), name)
        np.testing.assert_array_equal(ours, theirs, err_msg=f"attempt log: {name}")
    return compiled


def same_results(one: Fleet, other: Fleet) -> None:
    """Assert that two planes hold the same records, curves and totals."""
    for name in (*_EXACT, *_TIMES):
        ours, theirs = getattr(one.records(), name), getattr(other.records(), name)
        np.testing.assert_array_equal(ours, theirs, err_msg=name)
    for name in ("tick", "status", "downloads"):
        ours, theirs = getattr(one.curves(), name), getattr(other.curves(), name)
        np.testing.assert_array_equal(ours, theirs, err_msg=f"curves: {name}")
    np.testing.assert_allclose(one.curves().bandwidth, other.curves().bandwidth, rtol=1e-12)
    ours, theirs = one.totals(), other.totals()
    assert ours.peak_processing == theirs.peak_processing
    assert ours.peak_downloads == theirs.peak_downloads
    assert np.isclose(ours.peak_bandwidth, theirs.peak_bandwidth, rtol=1e-12)
    assert ours.last_end == theirs.last_end
    np.testing.assert_array_equal(ours.bytes_wasted, theirs.bytes_wasted)
    for name, mine, yours in zip(HeldUp._fields, one.held_up(), other.held_up(), strict=True):
        np.testing.assert_array_equal(mine, yours, err_msg=f"held up: {name}")
