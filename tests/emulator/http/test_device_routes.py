"""The two reads of devices over HTTP: fields, filters, pages, refusals."""

import pytest

from sim.scenario import make_scenario
from support.emulator import DEVICES, TASKS, ids, scenario_of

LINKED = {
    "cohorts": [
        {"name": "linked", "devices": 120, "online": {"fraction": "50 %", "mean_offline": "3 h"}},
        {"name": "current", "devices": 5, "already_current": 1},
        {"name": "lost", "devices": 3, "failures": [{"stage": "contact", "silent": True, "permanent": 1}]},
    ]
}
CREATED = "20250105T000000Z"
ACTIVE = "2025-01-05T00:00:00.000Z"


def listed(api, **query):
    """Return ids on a page, and how many devices match."""
    answer = api.get(DEVICES, **query)
    assert answer.status == 200, answer.body
    return [device["device_id"] for device in answer.json["devices"]], answer.json["page"]["count"]


def test_show__a_device_with_all_its_fields(make_api):
    """Who is always in reach and runs the version: online since it was activated, a year before the run."""
    api = make_api(scenario_of(fleet=LINKED))

    assert api.get(f"{DEVICES}/current-0000003").json == {
        "app_id": "default",
        "app_name": "default",
        "device_id": "current-0000003",
        "node_id": "current-0000003",
        "gateway_id": "current-0000003",
        "device_name": "current-0000003",
        "node_type": "GATEWAY",
        "product_id": "current",
        "product_name": "current",
        "status": "ONLINE",
        "fw_version": "2.0",
        "sw_version": "factory",
        "create_time": CREATED,
        "active_time": ACTIVE,
        "connection_status_update_time": ACTIVE,
    }


def test_show__who_never_was_online_has_told_nothing(make_api):
    """An inactive device has no version and no time but that of its registration."""
    shown = make_api(scenario_of(fleet=LINKED)).get(f"{DEVICES}/lost-0000000").json

    assert (shown["status"], shown["create_time"]) == ("INACTIVE", CREATED)
    assert (
        shown.keys() & {"fw_version", "sw_version", "active_time", "connection_status_update_time"} == set()
    )


def test_show__connections_change_when_time_passes(make_api):
    """As long as the status stays, so does its time; with another status it is a later one, up to now."""
    api = make_api(scenario_of(fleet=LINKED))
    changes = 0
    for device in ids("linked", *range(10)):
        before = api.get(f"{DEVICES}/{device}").json
        assert ACTIVE < before["connection_status_update_time"] <= "2026-01-05T00:00:00.000Z"
    for hour in range(1, 20):
        earlier = [api.get(f"{DEVICES}/{device}").json for device in ids("linked", *range(10))]
        api.advance(seconds=3600)
        for before, device in zip(earlier, ids("linked", *range(10)), strict=True):
            after = api.get(f"{DEVICES}/{device}").json
            if after["connection_status_update_time"] == before["connection_status_update_time"]:
                assert after == before
            else:
                changes += 1
                time = after["connection_status_update_time"]
                assert f"2026-01-05T{hour - 1:02}:00:00.000Z" <= time <= f"2026-01-05T{hour:02}:00:00.000Z"

    assert changes > 20


def test_show__a_link_that_is_older_than_the_registration(make_api):
    """No time of a connection lies before the device was activated."""
    fleet = {
        "cohorts": [{"name": "a", "devices": 20, "online": {"fraction": "50 %", "mean_offline": "9000 d"}}]
    }
    api = make_api(scenario_of(fleet=fleet))
    times = {
        api.get(f"{DEVICES}/{one}").json["connection_status_update_time"] for one in ids("a", *range(20))
    }

    assert min(times) == ACTIVE


def test_show__versions_follow_the_tasks(make_api):
    """A firmware and a software task set their own version each, under the name that their package has."""
    api = make_api(scenario_of())
    device = f"{DEVICES}/good-0000001"
    assert versions_of(api, device) == ("factory", "factory")
    api.advance(until_settled=api.create(groups=["good"]))
    assert versions_of(api, device) == ("2.0", "factory")
    package = api.post(
        DEVICES.replace("devices", "ota-upgrades/packages"),
        {
            "app_id": "default",
            "package_type": "softwarePackage",
            "product_id": "good",
            "version": "app-7",
            "file_location": {
                "obs_location": {"region_name": "r", "bucket_name": "bucket", "object_key": "k"}
            },
        },
    ).json["package_id"]
    task = api.create(groups=["good"], task_type="softwareUpgrade", document={"package_ids": [package]})
    api.advance(until_settled=task)

    assert versions_of(api, device) == ("2.0", "app-7")
    assert versions_of(api, f"{DEVICES}/bad-0000001") == ("factory", "factory")


def versions_of(api, device):
    """Return firmware and software of a device."""
    shown = api.get(device).json
    return shown["fw_version"], shown["sw_version"]


def test_list__pages_meet_every_device_once(make_api):
    """Following the marker, each device is seen once, the last first, and is what it is by itself."""
    api = make_api(scenario_of(fleet=LINKED))
    api.advance(seconds=5000)
    seen, query = [], {"limit": 50}
    while page := api.get(DEVICES, **query).json["devices"]:
        seen += page
        query["marker"] = api.get(DEVICES, **query).json["page"]["marker"]

    assert [one["device_id"] for one in seen] == [
        *ids("lost", *range(2, -1, -1)),
        *ids("current", *range(4, -1, -1)),
        *ids("linked", *range(119, -1, -1)),
    ]
    for one in seen:
        assert one.items() <= api.get(f"{DEVICES}/{one['device_id']}").json.items()
    assert api.get(DEVICES, **query).json == {"devices": [], "page": {"count": 128}}


def test_list__offset_counts_from_the_marker(shared_api):
    """Offset and marker together skip as in the list of subtasks; the default page has ten."""
    first = shared_api.get(DEVICES, limit=20).json

    assert listed(shared_api, limit=5, offset=25) == (ids("flaky", *range(144, 139, -1)), 200)
    assert listed(shared_api, limit=5, offset=5, marker=first["page"]["marker"]) == listed(
        shared_api, limit=5, offset=25
    )
    assert listed(shared_api) == (ids("flaky", *range(169, 159, -1)), 200)
    assert listed(shared_api, offset=195) == (ids("good", *range(4, -1, -1)), 200)
    assert listed(shared_api, offset=500) == ([], 200)
    assert listed(shared_api, marker="0" * 24) == ([], 200)
    assert listed(shared_api, marker="f" * 24) == listed(shared_api)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"product_id": "bad"}, ids("bad", *range(9, -1, -1))),
        ({"product_id": "bad", "node_id": "bad-0000003"}, ["bad-0000003"]),
        ({"product_id": "good", "node_id": "bad-0000003"}, []),
        ({"product_id": "nothing"}, []),
        ({"node_id": "bad-0000003"}, ["bad-0000003"]),
        ({"device_name": "bad-0000003"}, ["bad-0000003"]),
        ({"device_name": "bad-0000003", "node_id": "bad-0000003"}, ["bad-0000003"]),
        ({"device_name": "bad-0000003", "node_id": "bad-0000004"}, []),
        ({"device_name": "bad-"}, []),
        ({"gateway_id": "bad-0000003"}, []),
        ({"gateway_id": "bad-0000003", "is_cascade_query": "true"}, []),
        ({"app_id": "default", "device_name": "bad-0000003"}, ["bad-0000003"]),
        ({"app_id": "elsewhere"}, []),
        ({"product_id": "bad", "start_time": CREATED, "end_time": CREATED}, ids("bad", *range(9, -1, -1))),
        ({"start_time": "20250105T000001Z"}, []),
        ({"end_time": "20250104T235959Z"}, []),
    ],
)
def test_list__filters(shared_api, query, expected):
    """Each filter of the SDK's request, alone and with others: all of them must fit."""
    assert listed(shared_api, **query) == (expected, len(expected))


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("limit=0", "IOTDA.000017"),
        ("limit=51", "IOTDA.000017"),
        ("marker=xyz", "IOTDA.000018"),
        ("offset=501", "IOTDA.000006"),
        ("product_id=a%20b", "IOTDA.000006"),
        ("node_id=", "IOTDA.000006"),
        ("is_cascade_query=perhaps", "IOTDA.000006"),
        ("app_id=" + "a" * 37, "IOTDA.000006"),
        ("start_time=yesterday", "IOTDA.000009"),
        ("end_time=20250230T000000Z", "IOTDA.000009"),
    ],
)
def test_list__refuses_parameters_out_of_range(shared_api, query, code):
    """As in the other lists, limit, marker and times have codes of their own."""
    answer = shared_api.send("GET", DEVICES, query=query)

    assert (answer.status, answer.code) == (400, code)


def test_show__an_unknown_device_is_404(shared_api):
    """An id that no device has is 404; one that none can have is 400."""
    unknown, impossible = shared_api.get(f"{DEVICES}/good-0000020"), shared_api.get(f"{DEVICES}/a%20b")

    assert (unknown.status, unknown.code) == (404, "IOTDA.014000")
    assert (impossible.status, impossible.code) == (400, "IOTDA.000006")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_devices__can_only_be_read(shared_api, method):
    """Devices are neither made nor changed nor deleted here."""
    assert shared_api.send(method, f"{DEVICES}/good-0000001").code == "APIGW.0101"


def test_reads__change_nothing(make_api):
    """Neither the digest nor the journal knows of reads, and no device plane is made for them."""
    api = make_api(scenario_of(fleet=LINKED))
    api.get(DEVICES, limit=50)
    api.get(f"{DEVICES}/linked-0000001")
    assert "_fleet" not in vars(api.session.world.fleet)
    api.create(groups=["linked", "current"])
    api.advance(seconds=3600)
    before = api.digest(), api.session.n_commands
    for offset in range(0, 128, 50):
        api.get(DEVICES, limit=50, offset=offset)

    assert (api.digest(), api.session.n_commands) == before


def test_list__is_the_same_after_a_restart(make_session, make_api, tmp_path):
    """What a server showed, the next one on the same folder shows again, names of versions included."""
    scenario = scenario_of(fleet=LINKED)
    api = make_api(session=make_session(scenario, tmp_path))
    api.create(groups=["linked"])
    api.advance(seconds=7200)
    before = [api.get(DEVICES, limit=50, offset=offset).json for offset in (0, 50, 100)]
    assert {"2.0", "factory"} <= {one["fw_version"] for one in before[2]["devices"]}
    api.close()
    again = make_api(session=make_session(None, tmp_path))

    assert [again.get(DEVICES, limit=50, offset=offset).json for offset in (0, 50, 100)] == before


def test_list__names_of_an_inventory_and_of_long_cohorts(make_api, tmp_path):
    """Devices have the ids of the inventory; a cohort's name too long for a product id gives its number."""
    name = "x" * 37
    rows = "\n".join(["device_id,cohort", f"SN-2,{name}", "SN-1,short", f"SN-3,{name}"])
    (tmp_path / "fleet.csv").write_text(rows)
    values = {
        "name": "t",
        "fleet": {
            "inventory": str(tmp_path / "fleet.csv"),
            "cohorts": [{"name": "short"}, {"name": name}],
        },
        "campaign": {"package": {"version": "2.0", "size": "1 MiB"}},
    }
    api = make_api(make_scenario(values))

    assert listed(api) == (["SN-3", "SN-2", "SN-1"], 3)
    assert listed(api, product_id=f"{2:024x}") == (["SN-3", "SN-2"], 2)
    assert listed(api, product_id="short") == (["SN-1"], 1)
    assert api.get(f"{DEVICES}/SN-2").json["product_name"] == name


def test_show__dates_begin_with_the_year_one(make_api):
    """A run in the first year has its devices registered at the beginning of time, instead of before."""
    api = make_api(scenario_of(run={"start": "0001-03-01T00:00:00Z"}))

    assert api.get(f"{DEVICES}/good-0000001").json["create_time"] == "00010101T000000Z"


def test_devices__need_the_same_credentials(shared_api):
    """Reads of devices are for those only who may read tasks."""
    assert shared_api.send("GET", DEVICES, headers={}).status == 401
    assert shared_api.send("GET", TASKS, headers={}).status == 401
