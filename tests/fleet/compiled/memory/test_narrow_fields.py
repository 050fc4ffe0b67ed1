"""Every field with less than eight bytes holds the largest number that may come to stand in it."""

from typing import Any

import numpy as np
import pytest
from fleet.make_spec import make_spec

from sim.campaign.layout.build_spec import gap_ticks
from sim.errors import ScenarioError
from sim.fleet import spec as fs
from sim.fleet.compiled import queues
from sim.fleet.compiled.memory import state, tables
from sim.fleet.protocol import N_COMPONENTS
from sim.rules import Protocol, Reason
from sim.rules.policy import RETRY_COUNT_BOUNDS
from sim.scenario import Scenario, checks, make_scenario
from sim.scenario.sections.fleet import Fleet
from sim.scenario.values import DEVICES_MAX, DURATION_S_MAX

_COHORTS = next(
    limit.max_length for limit in Fleet.model_fields["cohorts"].metadata if hasattr(limit, "max_length")
)
_ROUNDS = checks.ROUNDS_MAX
_DEVICE, _COHORT = DEVICES_MAX - 1, _COHORTS - 1
_REASON, _STATE = max(Reason), state.N_STATUS - 1
_ATTEMPTS = 100 * _ROUNDS * (1 + RETRY_COUNT_BOUNDS[1])  # of a hundred operators that retry at the same time
_PHASE, _TRIGGER, _KIND, _LEVEL = state.RETRY_WAIT, state.MANUAL, 5, 2
_QUEUE = state.LOADING_QUEUES + _COHORTS + state.N_RETRY_QUEUES
_WINDOWS = _COHORTS * 100 * 366  # one a day of a century in each cohort
_CAUSE_ROW = 16 * 2**20  # a scenario's file has no more bytes than that, and cohorts alike share their rows

LARGEST: dict[str, dict[str, int]] = {
    "WORK": {
        "next": _DEVICE, "prev": _DEVICE, "mark": checks.CAUSES_MAX - 1, "verdict": _REASON, "after": _REASON,
        "phase": _PHASE, "trigger": _TRIGGER, "used": RETRY_COUNT_BOUNDS[1], "level": _LEVEL, "current": 1,
        "kind": _KIND,
    },
    "NET": {"next": _DEVICE, "prev": _DEVICE},
    "FLOW": {},
    "HELD": {},
    "QUEUE": {"head": _DEVICE, "tail": _DEVICE},
    "CELL": {"head": _DEVICE, "tail": _DEVICE, "used": DEVICES_MAX},
    "BROKEN": {"target": _DEVICE},
    "SPAN": {"cohort": _COHORT},
    "GRID": {},
    "STRUCK": {"does": 3},
    "PLACE": {"period": 2**31 - 1},  # no run lasts long enough to go through more
    "BREAK": {"strikes": _REASON, "verdict": _REASON},
    "EVENT": {},
    "PLAN": {
        "target": _DEVICE, "number": _ATTEMPTS, "cohort": _COHORT, "mark": _CAUSE_ROW, "reason": _REASON,
        "load": _REASON, "after": _REASON, "kind": _KIND, "current": 1,
        "does": 3, "is_out": 1,
    },
    "TRAIL": {},
    "LOG": {
        "device": _DEVICE, "attempt": _ATTEMPTS, "reason": _REASON, "trigger": _TRIGGER, "status": _STATE,
    },
    "TASK": {
        "penalty_failures": DEVICES_MAX, "group": DEVICES_MAX, "queue": _QUEUE, "reasons_lo": _CAUSE_ROW,
        "reasons_hi": _CAUSE_ROW, "retry_count": RETRY_COUNT_BOUNDS[1], "jitter": fs.JITTER_DECORRELATED,
        "version": DEVICES_MAX, "component": N_COMPONENTS - 1,
    },
    "WATCH": {"key": DEVICES_MAX, "id": 100 * _ROUNDS, "settles": 1, "firsts": 1, "state": 2},
}  # fmt: skip
RESULTS = {
    "task": DEVICES_MAX, "status": _STATE, "reason": _REASON, "attempts": _ATTEMPTS,
    "manual_retries": _ATTEMPTS,
}  # fmt: skip
SPEC = {
    "cohort": _COHORT, "protocol": max(Protocol), "dist_kind": fs.EMPIRICAL,
    "quantile_lo": _COHORTS * 5 * 10_000, "quantile_hi": _COHORTS * 5 * 10_000, "cell_devices": DEVICES_MAX,
    "lo": _CAUSE_ROW, "hi": _CAUSE_ROW, "reason": _REASON, "silent": 1, "away_lo": _CAUSE_ROW,
    "risk_lo": _CAUSE_ROW, "risk_reason": _REASON, "risk_silent": 1,
    "link": _CAUSE_ROW, "during_upgrade": fs.BREAKS, "break_reason": _REASON, "resume": 1,
    "timeline": _CAUSE_ROW, "slot": checks.CAUSES_MAX, "leaves": fs.LEAVES_DEAD, "of": _DEVICE,
    "epoch_held": 2, "contact_lo": _WINDOWS, "install_lo": _WINDOWS,
}  # fmt: skip


def largest_of(dtype: np.dtype[Any]) -> int:
    """Return the largest number that a type holds."""
    return 1 if dtype == np.bool_ else int(np.iinfo(dtype).max)


def is_narrow(dtype: np.dtype[Any]) -> bool:
    """Tell whether a type has less than eight bytes."""
    return dtype.itemsize < 8


def narrow_arrays(table: Any) -> dict[str, np.dtype[Any]]:
    """Return the types of a table's narrow arrays by name, those of the tables within it too."""
    found: dict[str, np.dtype[Any]] = {}
    for name in type(table).fields:
        value = getattr(table, name)
        if isinstance(value, np.ndarray) and is_narrow(value.dtype):
            found[name] = value.dtype
        elif hasattr(type(value), "fields"):
            found |= narrow_arrays(value)
    return found


@pytest.mark.parametrize("name", LARGEST)
def test_rows__hold_the_largest_numbers(name: str) -> None:
    """Each narrow field of a row is known, with a bound that fits."""
    dtype: np.dtype[Any] = getattr(tables, name)
    narrow = {field: dtype[field] for field in dtype.names or () if is_narrow(dtype[field])}

    assert set(narrow) == set(LARGEST[name])
    assert [field for field, kind in narrow.items() if LARGEST[name][field] > largest_of(kind)] == []


def test_tables_of_rows__are_all_looked_at() -> None:
    """No type of rows is left out."""
    assert {name for name, value in vars(tables).items() if isinstance(value, np.dtype)} == set(LARGEST)


def test_results_and_spec__hold_the_largest_numbers() -> None:
    """Each narrow column of the results, and each narrow array of a fleet's tables, has a bound that fits."""
    results = {name: column.dtype for name, column in state.new_targets(1)._asdict().items()}
    results = {name: kind for name, kind in results.items() if is_narrow(kind)}
    arrays = narrow_arrays(make_spec())

    assert (set(results), set(arrays)) == (set(RESULTS), set(SPEC))
    assert [name for name, kind in results.items() if RESULTS[name] > largest_of(kind)] == []
    assert [name for name, kind in arrays.items() if SPEC[name] > largest_of(kind)] == []


def test_tags__of_events_hold_kind_and_device() -> None:
    """A tag is a kind above a device's bits, and stays positive."""
    assert DEVICES_MAX <= queues.DEVICE_MASK < 1 << queues.KIND_SHIFT
    assert _KIND << queues.KIND_SHIFT | queues.DEVICE_MASK < 2**63


def test_ticks__of_a_century_and_more_stay_below_never() -> None:
    """The longest time after the end of the longest run is a tick, and less than `NEVER`."""
    assert fs.to_ticks(DURATION_S_MAX) * 4 < fs.NEVER
    assert fs.NEVER + fs.to_ticks(DURATION_S_MAX) < 2**63


@pytest.mark.parametrize(
    ("rate", "gap"),
    [(None, 0), (1e15, 1), (3.0, 333_334), (1e-12, 10**18), (1e-13, fs.NEVER), (5e-324, fs.NEVER)],
)
def test_gaps__of_the_slowest_rates_are_never(rate: float | None, gap: int) -> None:
    """A gap that a tick can't hold never ends; others are rounded up to the tick."""
    assert gap_ticks(rate) == pytest.approx(gap, rel=1e-8)


def scenario(cohorts: list[dict[str, Any]], size: str = "1 MB", **more: Any) -> Scenario:
    """Return a scenario with these cohorts."""
    campaign = {"package": {"version": "2", "size": size}}
    return make_scenario({"name": "edge", "fleet": {"cohorts": cohorts}, "campaign": campaign, **more})


def causes(n: int) -> list[dict[str, Any]]:
    """Return n causes."""
    return [{"stage": "query", "code": 10, "permanent": 1e-9}] * n


def test_causes__of_a_cohort_beyond_the_bound_are_refused() -> None:
    """A mark has two bytes: so many causes of a cohort, general ones included, and not one more."""
    own = [{"name": "a", "devices": 1}, {"name": "b", "devices": 1, "failures": causes(7)}]
    scenario(own, failures=causes(checks.CAUSES_MAX - 7))
    with pytest.raises(ScenarioError, match="'b' has 32768 causes, general ones included; at most 32767"):
        scenario(own, failures=causes(checks.CAUSES_MAX - 6))
    with pytest.raises(ScenarioError, match="'a' has 32768 causes"):
        scenario(own[:1], failures=causes(checks.CAUSES_MAX + 1))


def test_cells__beyond_the_bound_are_refused() -> None:
    """A cell and a level make an int32."""
    cohort = {"name": "a", "protocol": "lwm2m", "cell": {"devices": 1}}
    scenario([{**cohort, "devices": checks.CELLS_MAX}])
    with pytest.raises(ScenarioError, match="makes 715827883 radio cells in all; at most 715827882"):
        scenario([{**cohort, "devices": checks.CELLS_MAX + 1}])


def test_bytes__whose_sum_would_overflow_are_refused() -> None:
    """All devices' bytes, retries included, are added up in an int64."""
    scenario([{"name": "a", "devices": 8_191}], size="1048576 GiB")
    with pytest.raises(ScenarioError, match=r"8192 attempts, retries included, could receive 9\.22e\+18 B"):
        scenario([{"name": "a", "devices": 8_192}], size="1048576 GiB")
