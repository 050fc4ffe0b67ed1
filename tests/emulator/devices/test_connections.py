"""Who is online and since when, against what tasks meet and against outages."""

import numpy as np
import pytest

from sim.campaign import build_spec
from sim.emulator.devices.connections import INACTIVE, Connection, Connections
from sim.emulator.devices.memories import Memory
from sim.emulator.schemas import CreateBatchTask
from sim.emulator.world import World
from sim.fleet.reference import SimpyFleet
from sim.fleet.spec import NEVER, TICKS_PER_S
from support.emulator import PACKAGE_ID, scenario_of

HOUR = 3600 * TICKS_PER_S
LINK = {"fraction": "60 %", "mean_offline": "2 h"}


def connections_of(devices=100, outages=(), **cohort):
    """Return the connections of a fleet of one cohort."""
    fleet = {"cohorts": [{"name": "all", "devices": devices, **cohort}]}
    return Connections(build_spec(scenario_of(fleet=fleet, outages=list(outages))))


@pytest.mark.parametrize("hours", [0, 30])
def test_of__who_is_offline_is_who_has_to_be_waited_for(hours):
    """A task contacts at once who is shown online, and everybody else when he is shown online next."""
    logged: list[SimpyFleet] = []

    def plane(spec):
        logged.append(SimpyFleet(spec, log_attempts=True))
        return logged[-1]

    fleet = {"cohorts": [{"name": "all", "devices": 150, "online": LINK}]}
    world = World(scenario_of(fleet=fleet), make_fleet=plane)
    world.advance_to(hours * HOUR)
    connections = Connections(world._spec)
    before = [connections.of(device, world.now_ticks, is_dead=False) for device in range(150)]
    body = {
        "task_name": "t",
        "task_type": "firmwareUpgrade",
        "targets_filter": {"group_ids": ["all"]},
        "document": {"package_ids": [PACKAGE_ID]},
    }
    begin, task = world.now_ticks, world.create_task(CreateBatchTask.model_validate(body))
    world.run_until_settled(task.task_id)
    log = logged[0].attempt_log()
    contact = dict(zip(log.device.tolist(), (log.entered - 2 * TICKS_PER_S).tolist(), strict=True))

    assert {one.status for one in before} == {"ONLINE", "OFFLINE"}
    for device, one in enumerate(before):
        if one.status == "ONLINE":
            assert contact[device] == begin
        else:
            assert connections.of(device, contact[device] - 1, is_dead=False) == one
            assert connections.of(device, contact[device], is_dead=False) == ("ONLINE", contact[device])


def test_of__an_outage_takes_everybody_offline_from_its_beginning():
    """In an outage who was online is offline since it began; afterwards online since it ended."""
    outage = {"at": "10 h", "lasts": "3 h", "effect": "unreachable"}
    plain, hit = connections_of(online=LINK), connections_of(online=LINK, outages=[outage])
    for device in range(100):
        before = plain.of(device, 10 * HOUR - 1, is_dead=False)
        within, after = (hit.of(device, tick, is_dead=False) for tick in (11 * HOUR, 13 * HOUR))
        undisturbed = plain.of(device, 13 * HOUR, is_dead=False)

        assert within.status == "OFFLINE"
        assert within.since is not None
        if before.status == "ONLINE":
            assert 10 * HOUR - 1 < within.since <= 10 * HOUR
        assert after.status == undisturbed.status
        if undisturbed.status == "ONLINE":
            assert after.since == max(undisturbed.since, 13 * HOUR)


def test_of__link_and_outages_together_are_one_time_offline():
    """The time offline begins where link and outages, looked at tick by tick, first kept the device away."""
    outages = [{"at": f"{at} h", "lasts": "1 h", "effect": "unreachable"} for at in (0, 2, 3, 6, 11)]
    link = {"online": {"constant": "90 min"}, "offline": {"constant": "1 h"}}
    plain = connections_of(40, online=link)
    hit = connections_of(40, online=link, outages=outages)
    step = HOUR // 60
    away = [(at * HOUR, (at + 1) * HOUR) for at in (0, 2, 3, 6, 11)]
    for device in range(40):
        offline_since: int | None = None
        for tick in range(0, 15 * HOUR, step):
            link_is_on = plain.of(device, tick, is_dead=False).status == "ONLINE"
            is_away = any(start <= tick < end for start, end in away)
            one = hit.of(device, tick, is_dead=False)
            assert (one.status == "ONLINE") == (link_is_on and not is_away)
            if one.status == "ONLINE":
                offline_since = None
            elif offline_since != one.since:  # it was online before, if for less than a step
                offline_since = one.since
                assert one.since <= 0 if tick == 0 else tick - step < one.since <= tick
                if one.since > 0:
                    assert hit.of(device, one.since - 1, is_dead=False).status == "ONLINE"


def test_of__a_closed_window_is_no_time_offline():
    """A window is the operator's plan: it takes nobody offline."""
    closed = connections_of(window={"opens": "02:00", "closes": "03:00"})

    assert closed.of(0, 12 * HOUR, is_dead=False) == Connection("ONLINE", -NEVER)


def test_of__who_can_never_be_reached_is_inactive():
    """A permanent cause of the contact makes a device one that never was online, and no other cause does."""
    cause = {"silent": True, "permanent": "30 %"}
    lost = connections_of(1000, online=LINK, failures=[{"stage": "contact", **cause}])
    broken = connections_of(1000, online=LINK, failures=[{"stage": "reboot", **cause}])
    n_lost = sum(lost.of(device, HOUR, is_dead=False) == INACTIVE for device in range(1000))

    assert 240 < n_lost < 360
    assert not any(broken.of(device, HOUR, is_dead=False) == INACTIVE for device in range(1000))


def test_of__the_dead_are_offline_and_nobody_knows_since_when():
    """Whom an attempt has left dead is offline whatever its link does."""
    connections = connections_of(online=LINK)

    assert {connections.of(device, HOUR, is_dead=True) for device in range(100)} == {("OFFLINE", None)}


def test_of__share_online_is_that_of_the_link():
    """At any time the stated share of devices is online."""
    connections = connections_of(2000, online=LINK)
    for tick in (0, 7 * HOUR, 500 * HOUR):
        online = np.mean([connections.of(d, tick, is_dead=False).status == "ONLINE" for d in range(2000)])

        assert abs(online - 0.6) < 4 * np.sqrt(0.24 / 2000)


def test_memory_at_start__is_what_the_planes_begin_with():
    """Who runs the version at the start, by draws alone, is who does so in the plane."""
    fleet = {"cohorts": [{"name": "all", "devices": 300, "already_current": "40 %"}]}
    world = World(scenario_of(fleet=fleet), make_fleet=SimpyFleet)
    connections = Connections(world._spec)
    memories = [connections.memory_at_start(device) for device in range(300)]
    runs = [tuple(world.fleet._around.memory_of(device)._runs) for device in range(300)]

    assert memories == [Memory(of, is_dead=False) for of in runs]
    assert {memory.runs for memory in memories} == {(0, -1), (-1, -1)}
