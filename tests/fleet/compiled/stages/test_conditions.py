"""Tests of looks at what lasts, with memory and without."""

import numpy as np
import pytest
from fleet.make_spec import make_spec

from sim.fleet import spec as fs
from sim.fleet.compiled import CompiledFleet
from sim.fleet.compiled.memory.tables import PLACE, records
from sim.fleet.compiled.stages.conditions import (
    condition_at,
    forget_places,
    is_calm,
    lift_of,
    link_at,
    link_next_on,
)
from sim.fleet.model.sampling import NO_CAUSE
from sim.fleet.model.timelines import Timeline, next_on
from sim.rules import Stage

N = 40
LINK = {"off": (fs.EXPONENTIAL, 600.0), "on": (fs.EXPONENTIAL, 900.0)}
TICKS = [fs.to_ticks(minutes * 60) for minutes in range(0, 900, 7)]


def spec_of(*lasting, **cohort):
    """Return a fleet whose second cohort has a link and these conditions."""
    causes = [{"cohort": 1, "stage": Stage.QUERY, "p": p, "lasts": lasts} for p, lasts in lasting]
    return make_spec([{"devices": 1}, {"devices": N, "link": LINK, **cohort}], causes)


def places_of(spec):
    """Return places that nobody has looked at."""
    return records(len(spec.cohort) * spec.n_timelines, PLACE)


def test_places__are_laid_out_only_if_any_device_has_a_timeline():
    """A timeline costs 12 bytes a device, none costs nothing."""
    assert len(CompiledFleet(make_spec())._st.places) == 0
    places = CompiledFleet(spec_of((0.2, 100.0)))._st.places
    assert (len(places), places.nbytes) == ((N + 1) * 2, (N + 1) * 24)


def test_link_next_on__with_memory_finds_what_it_finds_without():
    """Each look that goes on from the one before has the answer of a first look."""
    spec = spec_of()
    places = places_of(spec)
    for device in range(1, N + 1):
        line = Timeline(0, 0, device, 1.0, spec.platform.seed, spec.platform.replication)
        for tick in TICKS:
            _, _, expected = next_on(spec.timelines, line, 0, 0, tick)
            assert link_next_on(spec, places, device, 1, tick) == expected


def test_link_at__tells_when_the_period_ends():
    """A link that is down comes up at the end of that period, not before."""
    spec = spec_of()
    for device in range(1, N + 1):
        up, end = link_at(spec, places_of(spec), device, 1, TICKS[9])
        comes_up = link_next_on(spec, places_of(spec), device, 1, TICKS[9])
        assert comes_up == (TICKS[9] if up else end)


def test_condition_at__is_the_first_of_those_that_are_on():
    """Among two independent ones the first in the list acts if it is on, else the second."""
    spec = spec_of((0.4, (fs.EXPONENTIAL, 500.0)), (0.5, 300.0))
    first = int(spec.causes.lo[1, Stage.QUERY])
    places = places_of(spec)
    found = [
        condition_at(spec, places, device, 1, int(Stage.QUERY), tick)
        for tick in TICKS
        for device in range(1, N + 1)
    ]
    shares = np.bincount(np.array(found) - NO_CAUSE, minlength=first + 3)[[first + 1, first + 2]] / len(found)
    assert shares == pytest.approx([0.4, 0.6 * 0.5], abs=0.03)
    assert condition_at(spec, places, 1, 1, int(Stage.VERIFY), TICKS[-1]) == NO_CAUSE


def test_condition_at__is_on_more_often_where_the_device_tends_to_fail():
    """The lift of a device's odds acts on its share of time."""
    spec = spec_of((0.2, 100.0), spread=1.5)
    places = places_of(spec)
    for device in range(1, 4):
        lift = lift_of(spec, device, 1)
        ticks = [fs.to_ticks(37.0 * k) for k in range(4_000)]
        on = [condition_at(spec, places, device, 1, int(Stage.QUERY), tick) >= 0 for tick in ticks]
        odds = 0.25 * lift
        assert np.mean(on) == pytest.approx(odds / (1 + odds), rel=0.15)
    assert lift_of(spec, 0, 0) == 1.0


def test_forget_places__lets_a_look_go_back():
    """A device whose places are forgotten is looked at from the beginning; the others stay."""
    spec = spec_of()
    places = places_of(spec)
    early = link_at(spec, places, 2, 1, TICKS[3])
    link_at(spec, places, 1, 1, TICKS[-1])
    link_at(spec, places, 2, 1, TICKS[-1])
    forget_places(spec.n_timelines, places, 2)
    assert link_at(spec, places, 2, 1, TICKS[3]) == early
    assert places.end[1] > TICKS[-1]


def test_first_places__are_those_that_first_looks_find():
    """A fleet is laid out with the first period of each timeline; without them a look at 0 finds the same."""
    spec = spec_of((0.4, (fs.EXPONENTIAL, 500.0)), spread=1.0)
    laid_out, looked_at = CompiledFleet(spec)._st.places, places_of(spec)
    for device in range(1, N + 1):
        link_at(spec, looked_at, device, 1, 0)
        condition_at(spec, looked_at, device, 1, int(Stage.QUERY), 0)
    assert (looked_at.end[2:] > 0).all()
    assert laid_out.end.tolist() == looked_at.end.tolist()
    assert laid_out.period.tolist() == looked_at.period.tolist()


def test_is_calm__tells_that_no_condition_can_be_met():
    """Whoever is called calm from one tick to another is in no condition at any tick between."""
    spec = spec_of((0.4, (fs.EXPONENTIAL, 500.0)), (0.3, 300.0))
    query, n_calm = int(Stage.QUERY), 0
    for device in range(1, N + 1):
        if is_calm(spec, places_of(spec), device, 1, query, TICKS[5], TICKS[6]):
            n_calm += 1
            for tick in range(TICKS[5], TICKS[6] + 1, fs.to_ticks(30.0)):
                assert condition_at(spec, places_of(spec), device, 1, query, tick) == NO_CAUSE
    assert 0 < n_calm < N
