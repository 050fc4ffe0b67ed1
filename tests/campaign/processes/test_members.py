"""Tests of who belongs to which wave."""

import numpy as np
import pytest

from sim.campaign import build_spec
from sim.campaign.processes.members import _all_ranks, _lowest, cut, wave_members
from sim.fleet.model.draws import uniform
from sim.fleet.model.purposes import D_ROLLOUT


def members_of(make_scenario_of, waves, *, seed=0, replication=0, **sections):
    """Return the members of each wave."""
    scenario = make_scenario_of(campaign={"waves": waves}, **sections)
    return wave_members(scenario, build_spec(scenario, seed=seed, replication=replication))


def test_ranks__are_the_draws_of_the_rollout(make_scenario_of):
    """A device's rank is its own keyed draw, whoever else is in the fleet."""
    seed, replication = 2**63 + 5, 3
    ranks = _all_ranks(build_spec(make_scenario_of(50), seed=seed, replication=replication))

    key = np.uint64(seed), np.uint64(replication)
    assert ranks.tolist() == [uniform(*key, i, 0, D_ROLLOUT) for i in range(50)]


def test_members__without_waves_the_whole_fleet(make_scenario_of):
    """No waves: everybody at once."""
    scenario = make_scenario_of(7)

    assert [m.tolist() for m in wave_members(scenario, build_spec(scenario))] == [list(range(7))]


def test_members__shares_are_cumulative_and_lowest_ranks_come_first(make_scenario_of):
    """A wave takes the lowest ranks that are left until its share of the fleet is in, rounded up."""
    waves = [{"name": n, "share": s} for n, s in (("a", "1 %"), ("b", "25 %"), ("c", "100 %"))]
    first, second, third = members_of(make_scenario_of, waves, devices=410, seed=9)
    order = np.argsort(_all_ranks(build_spec(make_scenario_of(410), seed=9)))

    assert [len(m) for m in (first, second, third)] == [5, 98, 307]
    assert first.tolist() == sorted(order[:5])
    assert second.tolist() == sorted(order[5:103])
    assert third.tolist() == sorted(order[103:])


def test_members__other_luck_other_members(make_scenario_of):
    """Seed and replication choose the members; the same ones choose the same."""
    waves = [{"name": "a", "share": "10 %"}, {"name": "b", "share": "100 %"}]

    def first(**key):
        return members_of(make_scenario_of, waves, devices=1000, **key)[0].tolist()

    assert first() == first()
    assert len({tuple(first(seed=s, replication=r)) for s in (0, 1) for r in (0, 1)}) == 4


def test_members__cohorts_by_name(make_scenario_of):
    """A wave of cohorts takes theirs; shares count what earlier waves have taken."""
    fleet = {"cohorts": [{"name": n, "devices": 100} for n in "abc"]}
    waves = [
        {"name": "c", "cohorts": ["c"]},
        {"name": "half", "share": "50 %"},
        {"name": "rest", "share": "100 %"},
    ]
    by_name, half, rest = members_of(make_scenario_of, waves, fleet=fleet)

    assert by_name.tolist() == list(range(200, 300))
    assert len(half) == 50
    assert half.max() < 200
    assert sorted([*half, *rest]) == list(range(200))


def test_members__a_cohort_wave_leaves_out_who_is_in_already(make_scenario_of):
    """Who was drawn for the canary isn't in a later wave of its cohort."""
    fleet = {"cohorts": [{"name": n, "devices": 100} for n in "ab"]}
    waves = [{"name": "x", "share": "20 %"}, {"name": "y", "cohorts": ["b"]}, {"name": "z", "share": "100 %"}]
    canary, of_b, rest = members_of(make_scenario_of, waves, fleet=fleet)

    assert set(of_b) == set(range(100, 200)) - set(canary)
    assert len(canary) + len(of_b) + len(rest) == 200


def test_members__a_share_that_is_reached_already_adds_nobody(make_scenario_of):
    """Half the fleet and then all of one cohort are three quarters: a wave up to 60 % is empty."""
    fleet = {"cohorts": [{"name": n, "devices": 100} for n in "ab"]}
    waves = [
        {"name": "w", "share": "50 %"},
        {"name": "x", "cohorts": ["b"]},
        {"name": "y", "share": "60 %"},
        {"name": "z", "share": "100 %"},
    ]
    sizes = [len(m) for m in members_of(make_scenario_of, waves, fleet=fleet)]

    assert sizes[0] == 100
    assert sizes[2] == 0
    assert sum(sizes) == 200


@pytest.mark.parametrize(("n", "share", "expected"), [(100, "7 %", 7), (1000, "0.7 %", 7), (3, "34 %", 2)])
def test_members__float_noise_adds_nobody(make_scenario_of, n, share, expected):
    """7 % of 100 devices are 7, although 0.07 * 100 is a little more than 7."""
    waves = [{"name": "a", "share": share}, {"name": "b", "share": "100 %"}]

    assert len(members_of(make_scenario_of, waves, devices=n)[0]) == expected


def test_lowest__equal_ranks_go_to_the_first_device():
    """Of devices with equal ranks those with the lower index come first."""
    ranks = np.array([0.5, 0.1, 0.5, 0.5, 0.9])

    assert _lowest(ranks, 3).tolist() == [0, 1, 2]


@pytest.mark.parametrize("low", [0.0, 0.4])
@pytest.mark.parametrize("k", [1, 5, 20, 150, 999, 1000])
def test_lowest__are_those_that_sorting_puts_first(k, low):
    """Uniform from 0, or without those that an earlier wave took: the lowest ranks, whatever their bound."""
    ranks = np.random.default_rng(4).uniform(low, 1.0, 1000)

    assert _lowest(ranks, k).tolist() == sorted(np.argsort(ranks)[:k])


@pytest.mark.parametrize(
    ("n", "sizes"),
    [(30_000, [30_000]), (30_001, [30_000, 1]), (1, [1]), (0, []), (65_000, [30_000, 30_000, 5_000])],
)
def test_cut__as_few_lists_as_possible(n, sizes):
    """Lists are full but for the last one, and keep the order."""
    lists = cut(np.arange(n, dtype=np.int32), 30_000)

    assert [len(part) for part in lists] == sizes
    assert np.concatenate([*lists, np.empty(0, np.int32)]).tolist() == list(range(n))
