"""Tests of OTA packages over HTTP."""

from functools import partial

import pytest

from sim.emulator.packages import PACKAGES_PER_SPACE
from sim.emulator.world import World
from sim.fleet.compiled import CompiledFleet
from sim.fleet.reference import SimpyFleet
from support.emulator import PACKAGE_ID, PACKAGES, TASKS, ids, scenario_of

LOCATION = {
    "obs_location": {
        "region_name": "cn-north-4",
        "bucket_name": "firmware.bucket",
        "object_key": "a/b.bin",
        "sign_method": "SHA256",
        "sign": "aB" * 32,
    }
}


def body_of(**fields):
    """Return a good body of a create call, with other fields."""
    return {
        "app_id": "space",
        "package_type": "firmwarePackage",
        "product_id": "product-1",
        "version": "v1.0-rc_2",
        "file_location": LOCATION,
        **fields,
    }


def test_scenario_package__is_there_from_the_start(api):
    """The package that the scenario names can be used without creating anything."""
    listed = api.get(PACKAGES, package_type="firmwarePackage").json
    shown = api.get(f"{PACKAGES}/{PACKAGE_ID}").json

    assert listed["page"] == {"count": 1, "marker": PACKAGE_ID}
    assert {key: shown[key] for key in listed["packages"][0]} == listed["packages"][0]
    assert (shown["package_id"], shown["version"]) == (PACKAGE_ID, "2.0")
    assert shown["create_time"] == "20260105T000000Z"


def test_scenario_package__has_the_type_of_the_scenario(make_api):
    """A scenario of software upgrades has a software package."""
    campaign = {"task_type": "softwareUpgrade", "package": {"version": "1", "size": "1 MiB"}}
    api = make_api(scenario_of(campaign=campaign))

    assert api.get(PACKAGES, package_type="firmwarePackage").json["page"] == {"count": 0}
    assert api.get(PACKAGES, package_type="softwarePackage").json["page"]["count"] == 1


def test_create__answers_with_the_package(api):
    """201 with an id, a time and everything that was given; a list leaves the location out."""
    fields = {"description": "d", "custom_info": "c", "support_source_versions": ["1.0", "1.1"]}
    api.advance(seconds=61)
    created = api.post(PACKAGES, body_of(**fields))
    package = created.json

    assert created.status == 201
    assert {key: package[key] for key in body_of(**fields)} == body_of(**fields)
    assert package["create_time"] == "20260105T000101Z"
    assert api.get(f"{PACKAGES}/{package['package_id']}").json == package
    listed = api.get(PACKAGES, package_type="firmwarePackage", app_id="space").json["packages"]
    assert listed == [{key: value for key, value in package.items() if key != "file_location"}]


def test_list__filters_and_pages_newest_first(api):
    """Type, space, product and version choose; the marker leads through all of them once."""
    made = [api.post(PACKAGES, body_of(version=str(k))).json["package_id"] for k in range(5)]
    api.post(PACKAGES, body_of(package_type="softwarePackage"))

    def listed(**query):
        answer = api.get(PACKAGES, package_type="firmwarePackage", **query).json
        return [package["package_id"] for package in answer["packages"]]

    assert listed() == [*reversed(made), PACKAGE_ID]
    assert listed(app_id="space", version="3") == [made[3]]
    assert listed(product_id="other") == []
    assert listed(limit=2, marker=made[3], offset=1) == [made[1], made[0]]


def test_delete__and_then_it_is_gone(api):
    """204 once, 404 afterwards; a task can't be made from it any more, a running one goes on."""
    task_id = api.create(groups=["good"])
    assert api.delete(f"{PACKAGES}/{PACKAGE_ID}").status == 204
    for answer in (api.delete(f"{PACKAGES}/{PACKAGE_ID}"), api.get(f"{PACKAGES}/{PACKAGE_ID}")):
        assert (answer.status, answer.code) == (404, "IOTDA.014289")
    refused = api.post(
        TASKS,
        {
            "task_name": "t",
            "task_type": "firmwareUpgrade",
            "targets": ids("bad", 1),
            "document": {"package_ids": [PACKAGE_ID]},
        },
    )

    assert refused.status == 404
    assert api.advance(until_settled=task_id)["reached"]


def test_create__a_new_package_serves_a_task(api):
    """A script that uploads its own package first can upgrade with it."""
    package_id = api.post(PACKAGES, body_of(package_type="softwarePackage")).json["package_id"]
    task_id = api.create(groups=["good"], task_type="softwareUpgrade", document={"package_ids": [package_id]})
    listed = api.get(TASKS, task_type="softwareUpgrade").json["batchtasks"]

    assert [task["task_id"] for task in listed] == [task_id]


@pytest.mark.parametrize(
    "fields",
    [
        {"app_id": None},
        {"package_type": "firmware"},
        {"product_id": "a" * 37},
        {"version": "1 0"},
        {"version": "v" * 257},
        {"support_source_versions": [str(k) for k in range(21)]},
        {"description": "d" * 1025},
        {"custom_info": "c" * 4097},
        {"file_location": None},
        {"file_location": {}},
        {"file_location": {"obs_location": {**LOCATION["obs_location"], "bucket_name": "AB"}}},
        {"file_location": {"obs_location": {**LOCATION["obs_location"], "sign": "0" * 63}}},
        {"file_location": {"obs_location": {**LOCATION["obs_location"], "sign_method": "MD5"}}},
    ],
)
def test_create__refusals(shared_api, fields):
    """Each field outside its bounds is refused, and no package is made."""
    answer = shared_api.post(PACKAGES, body_of(**fields))

    assert (answer.status, answer.code) == (400, "IOTDA.000006")
    assert shared_api.get(PACKAGES, package_type="firmwarePackage").json["page"]["count"] == 1


def test_create__a_space_holds_so_many(api):
    """The vendor's number of packages of a resource space is kept; another space has room."""
    answers = [api.post(PACKAGES, body_of()).status for _ in range(PACKAGES_PER_SPACE + 1)]

    assert answers == [201] * PACKAGES_PER_SPACE + [400]
    assert api.post(PACKAGES, body_of(app_id="other")).status == 201


@pytest.mark.parametrize("query", ["", "package_type=any", "package_type=firmwarePackage&limit=0"])
def test_list__refuses_bad_parameters(shared_api, query):
    """The type is required, and paging has its bounds."""
    assert shared_api.send("GET", PACKAGES, query=query).status == 400


HUNDRED = {"cohorts": [{"name": "good", "devices": 100, "link_rate": "80 kbit/s"}]}


class Upgrades:
    """Upgrades a hundred devices again and again: 2 s of query, 104.8576 s of download, 60 s of install."""

    def __init__(self, api):
        """Take the API of a session that has no task yet."""
        self.api = api
        self.devices = ids("good", *range(100))

    def package(self, version, **fields):
        """Create a package and return its id."""
        return self.api.post(PACKAGES, body_of(version=version, **fields)).json["package_id"]

    def run(self, package_id, task_type="firmwareUpgrade"):
        """Return how long a task takes, and the bytes that each device loads."""
        world = self.api.session.world
        before = world.now_s
        task = self.api.create(
            targets=self.devices, document={"package_ids": [package_id]}, task_type=task_type
        )
        self.api.advance(until_settled=task)
        assert self.api.progress(task) == {"total": 100, "success": 100}
        (size,) = set(world.fleet.records().bytes.tolist())
        return round(world.now_s - before, 6), size


@pytest.fixture(params=[SimpyFleet, CompiledFleet])
def upgrades(request, make_session, make_api):
    """Return what upgrades a hundred devices, on each plane."""
    make_world = partial(World, make_fleet=request.param)
    session = make_session(scenario_of(fleet=HUNDRED), make_world=make_world)
    return Upgrades(make_api(session=session))


ALL = (166.8576, 1024**2)
QUERY = (2.0, 0)


def test_versions__the_same_one_again_is_over_after_its_queries(upgrades):
    """Who runs the version already says so when asked; another version, or the one before, is loaded."""
    other = upgrades.package("3.0")

    assert [upgrades.run(one) for one in (PACKAGE_ID, PACKAGE_ID)] == [ALL, QUERY]
    assert [upgrades.run(one) for one in (other, other, PACKAGE_ID)] == [ALL, QUERY, ALL]


def test_versions__belong_to_the_version_and_not_to_the_package(upgrades):
    """Two packages of one version are the same to a device, also when the first one was deleted."""
    first = upgrades.package("3.0")
    assert upgrades.run(first) == ALL
    upgrades.api.delete(f"{PACKAGES}/{first}")

    assert upgrades.run(upgrades.package("3.0", product_id="another")) == QUERY


def test_versions__of_firmware_and_software_are_apart(upgrades):
    """A software of the same name as the firmware is something else, and leaves the firmware as it is."""
    software = upgrades.package("2.0", package_type="softwarePackage")

    assert upgrades.run(PACKAGE_ID) == ALL
    assert [upgrades.run(software, "softwareUpgrade") for _ in range(2)] == [ALL, QUERY]
    assert upgrades.run(PACKAGE_ID) == QUERY
