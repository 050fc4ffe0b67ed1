"""Tests of who belongs to which wave."""

import numpy as np
import pytest

from sim.campaign import build_spec
from sim.campaign.processes.members import _LARGE, Ranks, _lowest, cut, in_order, wave_members
from sim.fleet.model.draws import uniform
from sim.fleet.model.purposes import D_ROLLOUT
from sim.fleet.spec import NEVER
from sim.fleet.whereabouts import SiteTable
from sim.scenario import make_scenario


def members_of(make_scenario_of, waves, *, seed=0, replication=0, **sections):
    """Return the members of each wave."""
    scenario = make_scenario_of(campaign={"waves": waves}, **sections)
    spec = build_spec(scenario, seed=seed, replication=replication)
    return wave_members(scenario, spec, Ranks(spec))


def order_of(scenario, *, replication=0, devices=None, sites=None):
    """Return the devices in the campaign's order, as a list; the whole fleet if none are given."""
    spec = build_spec(scenario, replication=replication)
    if sites is not None:
        spec = spec._replace(sites=sites)
    everybody = np.arange(len(spec.cohort), dtype=np.int32)
    chosen = everybody if devices is None else np.array(devices, np.int32)
    return in_order(scenario, spec, chosen, Ranks(spec)).tolist()


def test_ranks__are_the_draws_of_the_rollout(make_scenario_of):
    """A device's rank is its own keyed draw, whoever else is in the fleet."""
    seed, replication = 2**63 + 5, 3
    ranks = Ranks(build_spec(make_scenario_of(50), seed=seed, replication=replication)).of_fleet

    key = np.uint64(seed), np.uint64(replication)
    assert ranks.tolist() == [uniform(*key, i, 0, D_ROLLOUT) for i in range(50)]


def test_members__without_waves_the_whole_fleet(make_scenario_of):
    """No waves: everybody at once."""
    assert [m.tolist() for m in members_of(make_scenario_of, [], devices=7)] == [list(range(7))]


def test_members__shares_are_cumulative_and_lowest_ranks_come_first(make_scenario_of):
    """A wave takes the lowest ranks that are left until its share of the fleet is in, rounded up."""
    waves = [{"name": n, "share": s} for n, s in (("a", "1 %"), ("b", "25 %"), ("c", "100 %"))]
    first, second, third = members_of(make_scenario_of, waves, devices=410, seed=9)
    order = np.argsort(Ranks(build_spec(make_scenario_of(410), seed=9)).of_fleet)

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


def test_members__cohorts_and_a_share_of_the_others(make_scenario_of):
    """Named cohorts come whole, of the other devices a share, whatever earlier waves took of those."""
    fleet = {"cohorts": [{"name": "a", "devices": 100}, {"name": "b", "devices": 20}]}
    waves = [
        {"name": "w", "share": "10 %"},
        {"name": "x", "cohorts": ["b"], "share": "50 %"},
        {"name": "y", "share": "100 %"},
    ]
    first, second, rest = members_of(make_scenario_of, waves, fleet=fleet)
    before = np.concatenate([first, second])

    assert (before >= 100).sum() == 20
    assert (before < 100).sum() == 50
    assert np.all(np.diff(second) > 0)
    assert sorted([*before, *rest]) == list(range(120))


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


def test_order__shuffled_is_the_rollouts_permutation_and_anew_in_each_replication(make_scenario_of):
    """By default devices come by the ranks that also decide about waves."""
    scenario = make_scenario_of(1000)
    ranks = Ranks(build_spec(scenario, replication=1)).of_fleet
    some = list(range(100, 900, 3))

    assert order_of(scenario, replication=1) == np.argsort(ranks).tolist()
    assert order_of(scenario, replication=1, devices=some) == sorted(some, key=lambda device: ranks[device])
    assert order_of(scenario, replication=1) != order_of(scenario, replication=2)


@pytest.mark.parametrize(
    "neighbours",
    [
        {"protocol": "lwm2m", "cell": {"devices": 50}},
        {"site": {"devices": 50, "at_a_time": 3}},
        {"site": {"devices": 50, "uplink": "1 Mbit/s"}},
    ],
)
def test_order__of_a_large_fleet_shuffles_cohorts_and_the_devices_of_cells(make_scenario_of, neighbours):
    """Who is like his neighbours takes his cohort's turns by number; those in cells or at sites are mixed."""
    size = _LARGE // 2
    plain = [{"name": name, "devices": size} for name in "ab"]
    order = np.array(
        order_of(make_scenario_of(fleet={"cohorts": [*plain, {"name": "c", "devices": size, **neighbours}]}))
    )
    cohort = order // size

    assert sorted(order) == list(range(3 * size))
    assert (np.diff(order[cohort == 0]) > 0).all()
    assert (np.diff(order[cohort == 1]) > 0).all()
    assert 0.45 < (np.diff(order[cohort == 2]) > 0).mean() < 0.55
    # The mean of a third of n places, drawn without putting back: (n - 1)/2, variance n/6.
    error = np.sqrt(3 * size / 6)
    for c in range(3):
        assert abs(np.flatnonzero(cohort == c).mean() - (3 * size - 1) / 2) < 4 * error
    # Neighbours are of the same cohort in one case of three.
    same = (np.diff(cohort) == 0).mean()
    assert abs(same - 1 / 3) < 4 * np.sqrt(2 / 9 / (3 * size))


@pytest.mark.parametrize(
    ("uplink", "at_a_time", "mixes"), [(1e6, NEVER, True), (np.inf, 2, True), (np.inf, NEVER, False)]
)
def test_order__of_a_large_fleet_mixes_up_the_devices_of_sites(make_scenario_of, uplink, at_a_time, mixes):
    """As those of cells, if a site limits them in any way; also when no other cohort is there."""
    of = np.where(np.arange(2 * _LARGE) < _LARGE, -1, np.arange(2 * _LARGE) // 50 % 9)
    sites = SiteTable(
        of=of.astype(np.int32), uplink=np.full(9, uplink), at_a_time=np.full(9, at_a_time, np.int64)
    )
    cohorts = [{"name": name, "devices": _LARGE} for name in "ab"]
    order = np.array(order_of(make_scenario_of(fleet={"cohorts": cohorts}), sites=sites))
    assert sorted(order) == list(range(2 * _LARGE))
    assert (np.diff(order[order < _LARGE]) > 0).all()
    assert (np.diff(order[order >= _LARGE]) > 0).all() != mixes
    alone = np.array(order_of(make_scenario_of(2 * _LARGE), sites=sites))
    assert (alone == np.arange(2 * _LARGE)).all() != mixes


def test_order__of_one_large_cohort_is_its_numbers(make_scenario_of):
    """Whoever is like everybody else needs no lot; whoever shares a line with some does."""
    assert order_of(make_scenario_of(_LARGE + 1)) == list(range(_LARGE + 1))
    at_sites = {"name": "a", "devices": _LARGE + 1, "site": {"devices": 2, "uplink": "1 Mbit/s"}}
    order = order_of(make_scenario_of(fleet={"cohorts": [at_sites]}))
    assert order != sorted(order) == list(range(_LARGE + 1))


def test_order__interleaved_takes_turns_by_size(make_scenario_of):
    """Of cohorts of 4 and 2 devices: A at 1/8, 3/8, 5/8, 7/8 and B at 1/4, 3/4."""
    fleet = {"cohorts": [{"name": "a", "devices": 4}, {"name": "b", "devices": 2}]}
    scenario = make_scenario_of(fleet=fleet, campaign={"order": "interleaved"})

    assert order_of(scenario) == [0, 4, 1, 2, 5, 3]
    assert order_of(scenario, devices=[1, 2, 4, 5]) == [1, 4, 2, 5]


def test_order__of_the_file_is_that_of_cohorts_or_of_an_inventorys_rows(make_scenario_of, tmp_path):
    """Without an inventory devices come by number, with one by row, whatever cohorts the rows are of."""
    rows = [("x", "b"), ("y", "a"), ("z", "b"), ("w", "a")]
    text = "device_id,cohort\n" + "".join(f"{name},{cohort}\n" for name, cohort in rows)
    (tmp_path / "fleet.csv").write_text(text, encoding="utf-8")
    listed = make_scenario(
        {
            "name": "listed",
            "fleet": {"cohorts": [{"name": "a"}, {"name": "b"}], "inventory": "fleet.csv"},
            "campaign": {"package": {"version": "1", "size": "1 B"}, "order": "file"},
        },
        folder=tmp_path,
    )
    names = [name for cohort in range(2) for name in listed.device_ids(cohort)]

    assert order_of(make_scenario_of(5, campaign={"order": "file"})) == list(range(5))
    assert [names[device] for device in order_of(listed)] == ["x", "y", "z", "w"]
    assert [names[device] for device in order_of(listed, devices=[0, 1, 3])] == ["y", "z", "w"]
