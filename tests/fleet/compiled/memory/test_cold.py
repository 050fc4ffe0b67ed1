"""Tests of functions that kernels call by their address."""

import numpy as np
from fleet.make_spec import make_spec, start

from sim.fleet import spec as fs
from sim.fleet.compiled import CompiledFleet
from sim.rules import Stage

ADDRESSES = ("early", "late", "again", "condition", "follow", "turn", "cut")
LINK = {"off": (fs.EXPONENTIAL, 600.0), "on": (fs.EXPONENTIAL, 600.0)}


def needed_by(cohort, causes=(), **platform):
    """Return which functions a fleet has the address of, once it has run through."""
    fleet = CompiledFleet(make_spec([{"devices": 30, "link_rate": 1e5, **cohort}], causes, **platform))
    given = fleet._st.given
    found = {name for name in ADDRESSES if getattr(given, name)}
    start(fleet, fs.RetryPolicy(1, fs.to_ticks(60)))
    fleet.advance(fs.to_ticks(10**6))
    assert (fleet.records().end >= 0).all()
    return found


def test_functions__are_looked_up_only_by_fleets_that_need_them():
    """A fleet without memory compiles none of them; others compile what their memory is of."""
    late = [{"stage": Stage.INSTALL, "p": 0.3, "lasts": 100.0}]
    assert needed_by({}) == set()
    assert needed_by({"link": LINK}) == {"early"}
    assert needed_by({}, late) == {"late"}
    assert needed_by({}, late, bandwidth=1e6) == {"late", "again"}
    assert needed_by({}, [{**late[0], "stage": Stage.DOWNLOAD}]) == {"condition"}
    assert needed_by({"link": LINK, "during_upgrade": fs.PAUSES}) == {"early", "follow", "turn", "cut"}


def test_functions__find_the_state_where_it_lies():
    """The state's address is that of its words, whatever fleet came before."""
    for _ in range(2):
        state = CompiledFleet(make_spec([{"link": LINK}]))._st
        assert state.given.state == state.address == state.words.ctypes.data
        assert np.count_nonzero(state.words) > 0
