"""What limited a campaign, as its own run tells it."""

import json
from datetime import UTC, datetime

import numpy as np
import pytest

import sim
from sim.results.display.format import format_estimate, format_traffic
from sim.results.display.headline import format_moment
from sim.results.display.limited import limited_sentence, limits_of
from sim.results.statistics import Estimate
from sim.study.display.text import change_text
from sim.study.point_statistics import Means
from sim.units import SIZES_IN, format_size
from support.study_scenarios import scenario_of

BUSY = {"install": {"constant": "10 min"}}


def limits(scenario):
    """Return what limited a run of a scenario."""
    return limits_of(scenario, sim.run(scenario).runs)


@pytest.mark.parametrize(
    ("sections", "name", "text", "fields"),
    [
        (
            {"platform": {"max_processing": 5}, "stages": BUSY},
            "ready_queue",
            "places in Processing (5)",
            ("platform.max_processing",),
        ),
        (
            {"platform": {"dispatch_rate": "1 /min"}},
            "ready_queue",
            "the dispatch rate (1 /min)",
            ("platform.dispatch_rate",),
        ),
        (
            {"platform": {"bandwidth": "80 kbit/s"}, "stages": {}, "failures": []},
            "shared_link",
            "the shared bandwidth (80 kbit/s)",
            ("platform.bandwidth",),
        ),
        (
            {"outages": [{"at": "0 s", "lasts": "10 h", "effect": {"freeze": True}}]},
            "outage",
            "freezes",
            ("outages",),
        ),
    ],
)
def test_limits__name_the_wait_and_the_field_that_sets_it(sections, name, text, fields):
    """What most of the time went to comes first, with the value in force."""
    first = limits(scenario_of(**sections))[0]

    assert (first.name, first.text, first.fields, first.of) == (name, text, fields, "device_time")
    assert first.share > 0.5


def test_limits__the_end_of_the_run_comes_first_with_who_never_began():
    """Devices without a place until the end are no account of time, so they are told by their number."""
    scenario = scenario_of(
        100, platform={"max_processing": 5}, stages=BUSY, failures=[], run={"until": "1 h", "seed": 3}
    )

    first = limits(scenario)[0]

    assert first.name == "end_of_run"
    assert first.share == pytest.approx(0.70, abs=0.051)
    assert "the end of the run after 1 h (7" in first.text
    assert "of them before their first attempt)" in first.text


def test_limits__a_gate_that_stopped_the_campaign_comes_first():
    """What the gate left unfinished is its share of the fleet; the end of the run is no limit then."""
    waves = [
        {"name": "canary", "share": "20 %", "gate": {"failed_share_max": "10 %"}},
        {"name": "rest", "share": "100 %"},
    ]
    campaign = {"package": {"version": "2", "size": "1 MB"}, "waves": waves}
    scenario = scenario_of(
        100, campaign=campaign, failures=[{"stage": "install", "code": 10, "probability": "100 %"}]
    )

    found = limits(scenario)

    assert found[0].name == "gate"
    assert found[0].share == pytest.approx(0.97)
    assert "(97 unfinished, 80 of them never reached)" in found[0].text
    assert "end_of_run" not in {limit.name for limit in found}


def test_limits__the_end_of_the_run_counts_no_device_that_a_call_stopped():
    """Whoever was stopped before a first attempt is pending no more, neither before nor after it."""
    scenario = scenario_of(
        fleet={"cohorts": [{"name": "a", "devices": 20}, {"name": "b", "devices": 80}]},
        campaign={"package": {"version": "2", "size": "1 MB"}, "order": "file"},
        platform={"max_processing": 5},
        stages={"install": {"constant": "2 h"}},
        failures=[],
        operators=[{"call": "stop", "at": "10 min", "only": {"cohorts": ["b"]}}],
        run={"until": "1 h", "seed": 3},
    )

    first = limits(scenario)[0]

    assert (first.name, first.share) == ("end_of_run", pytest.approx(0.2))
    assert first.text == (
        "the end of the run after 1 h (20 devices still pending, 15 of them before their first attempt)"
    )


LAST_GATE = {
    "package": {"version": "2", "size": "1 MB"},
    "waves": [{"name": "all", "share": "100 %", "gate": {"failed_count_max": 3}}],
}


def test_limits__a_gate_of_the_last_wave_is_told_by_what_it_stopped():
    """Devices that the gate stopped under way count as much as those that it never let begin."""
    scenario = scenario_of(
        100,
        campaign=LAST_GATE,
        stages={"install": {"uniform": {"low": "1 min", "high": "2 h"}}},
        failures=[{"stage": "install", "code": 10, "probability": "20 %"}],
    )
    result = sim.run(scenario)

    first = limits_of(scenario, result.runs)[0]

    assert (first.name, first.share) == ("gate", result.metrics["stopped"] / 100)
    assert first.share > 0.2
    assert first.text.endswith(f"({result.metrics['stopped']} unfinished)")
    assert "What limited it: the gate of wave all, which stopped it after " in result.headline


def test_limits__of_several_runs_say_in_how_many_a_gate_stopped():
    """The gate's share is a mean over all runs, and the end of a run is no limit of those that it stopped."""
    scenario = scenario_of(
        100,
        campaign=LAST_GATE,
        stages={"install": {"uniform": {"low": "1 min", "high": "2 h"}}},
        failures=[{"stage": "install", "code": 10, "probability": "3 %"}],
    )
    result = sim.run(scenario, replications=12)
    stopped = [run.metrics["stopped"] for run in result.runs]
    n_stopped = sum(any(wave.gate_tripped_s is not None for wave in run.waves) for run in result.runs)

    first = limits_of(scenario, result.runs)[0]

    assert 1 < n_stopped < 12
    assert f"which stopped {n_stopped} of 12 runs (on average " in first.text
    assert first.share == pytest.approx(sum(stopped) / 1200)


WAVES = [
    {"name": "a", "share": "50 %", "begin": {"at": "1 h"}},
    {"name": "b", "share": "100 %", "begin": {"at": "10 h"}},
]


@pytest.mark.parametrize(
    ("waves", "install", "text", "share"),
    [
        (WAVES, "1 h", "the wait before and between waves", (1 + 8) / 11),
        (WAVES, "9 h", "the wait before the first wave", 1 / 19),
        ([WAVES[0], {**WAVES[1], "begin": {"at": "2 h"}}], "6 h", "the wait before the first wave", 1 / 8),
    ],
)
def test_limits__waves_are_waited_for_while_none_runs(waves, install, text, share):
    """The time before the first wave counts; what one wave runs into the next one's time does not."""
    scenario = scenario_of(
        campaign={"package": {"version": "2", "size": "1 MB"}, "waves": waves},
        stages={"install": {"constant": install}},
        failures=[],
    )

    found = {limit.name: limit for limit in limits(scenario)}

    assert (found["soak"].text, found["soak"].of) == (text, "campaign_time")
    assert found["soak"].share == pytest.approx(share, rel=0.01)


@pytest.mark.parametrize(
    ("campaign", "operators", "text", "share"),
    [
        ({"task_policy": {"schedule_time": "9 h"}}, [], "(scheduled 9 h ahead)", 0.9),
        ({"limits": {"tasks_in_progress": 1, "targets_per_task": 6}}, [], "(at most 1 in progress)", 0.45),
        ({"need_confirm": True}, [{"call": "confirm", "at": "9 h"}], "(until a call confirms them)", 0.9),
    ],
)
def test_limits__tasks_that_wait_to_begin_are_told(campaign, operators, text, share):
    """No device's account holds the time before its task begins; it is told instead of the work."""
    scenario = scenario_of(
        campaign={"package": {"version": "2", "size": "1 MB"}, **campaign},
        operators=operators,
        stages={"install": {"constant": "1 h"}},
        failures=[],
    )
    result = sim.run(scenario)

    first = limits_of(scenario, result.runs)[0]

    assert (first.name, first.text) == ("task_start", f"tasks that waited to begin {text}")
    assert first.share == pytest.approx(share, rel=0.01)
    assert "Hardly anything" not in result.headline


def test_limits__a_queue_says_who_holds_the_places():
    """Where devices are offline in most places, more places are not all that would help."""
    cohort = {
        "name": "a",
        "devices": 60,
        "online": {"fraction": "10 %", "mean_offline": "1 h"},
    }
    scenario = scenario_of(
        fleet={"cohorts": [cohort]}, platform={"max_processing": 5}, failures=[], run={"until": "30 d"}
    )

    assert limits(scenario)[0].text == ("places in Processing (5, held mostly by devices that were offline)")


def test_limits__places_in_cells_are_not_those_at_sites():
    """Of two kinds of places, those are named that the waiting cohort wants."""
    cells = {"name": "m", "devices": 30, "protocol": "lwm2m", "cell": {"devices": 30}}
    sites = {"name": "g", "devices": 3, "site": {"devices": 1, "at_a_time": 1}}
    platform = {"cell_places": [2, 1, 1]}
    scenario = scenario_of(fleet={"cohorts": [cells, sites]}, platform=platform, stages=BUSY, failures=[])

    assert limits(scenario)[0].text == "places in radio cells"


def test_limits__name_of_places_and_rate_what_binds():
    """A rate that would be done long before the places are is no limit; numbers have separators."""
    slow = {"stages": BUSY, "failures": []}
    by_places = scenario_of(platform={"max_processing": 5, "dispatch_rate": "1 /s"}, **slow)
    by_rate = scenario_of(platform={"max_processing": 5, "dispatch_rate": "10 /h"}, **slow)
    fast = scenario_of(20_000, platform={"dispatch_rate": "5000 /s"}, stages={}, failures=[])

    assert limits(by_places)[0].text == "places in Processing (5)"
    assert limits(by_rate)[0].text == "the dispatch rate (10 /h)"
    assert limits(fast)[0].text == "the dispatch rate (5,000 /s)"


def test_limits__outages_are_those_that_the_campaign_met():
    """A freeze after its end is none of its limits."""
    outages = [
        {"at": "0 s", "lasts": "10 h", "effect": "unreachable"},
        {"at": "20 h", "lasts": "1 h", "effect": "freeze"},
    ]

    assert limits(scenario_of(outages=outages))[0].text == "outages"


def test_limits__lines_that_their_devices_cannot_fill_are_not_named():
    """Ten devices of 8 kbit/s leave most of a line of 1 Mbit/s free."""
    sites = [
        {"name": "a", "devices": 20, "link_rate": "8 kbit/s", "site": {"devices": 10, "uplink": "1 Mbit/s"}},
        {"name": "b", "devices": 20, "site": {"devices": 10, "uplink": "2 Mbit/s"}},
    ]
    scenario = scenario_of(fleet={"cohorts": sites}, stages={}, failures=[])

    texts = {limit.name: limit.text for limit in limits(scenario)}

    assert texts.get("shared_link", "lines of sites (2 Mbit/s)") == "lines of sites (2 Mbit/s)"


def test_sentence__work_alone_is_no_limit():
    """Where nobody waits, that is said instead of a limit."""
    scenario = scenario_of(failures=[])

    sentence = limited_sentence(limits(scenario))

    assert sentence.startswith(
        "Hardly anything held it up: the work itself (install 100 %), 100 % of device time"
    )
    assert limited_sentence([]) == ""


def test_summary__begins_with_what_limited_the_run(tmp_path):
    """Terminal and file say the same, and point to the command that tries what would help."""
    scenario = scenario_of(platform={"max_processing": 5}, stages=BUSY)
    result = sim.run(scenario)
    result.save(tmp_path)

    head = " ".join(str(result).split("\n\n")[1].split())
    summary = json.loads((tmp_path / "summary.json").read_text(encoding="utf-8"))

    assert head == f"{result.headline} `fleetsim explain SCENARIO` tries what easing each thing would bring."
    assert summary["headline"] == result.headline
    assert summary["limited_by"][0]["fields"] == ["platform.max_processing"]


@pytest.mark.parametrize(
    ("failures", "start"),
    [
        ([], "All 60 devices were upgraded, 99 % of the fleet within "),
        (
            [{"stage": "install", "code": 10, "permanent": "100 %"}],
            (
                "None of 60 devices was upgraded: 60 failed, most often with code 10: Upgrade package "
                "installation failure."
            ),
        ),
    ],
)
def test_headline__all_and_none_are_said_as_such(failures, start):
    """No failure and nothing but failures need no share; of failures no wait was the reason."""
    headline = sim.run(scenario_of(failures=failures)).headline

    assert headline.startswith(start)
    assert failures == [] or headline == start


def test_headline__many_failures_are_said_even_if_most_devices_were_upgraded():
    """Where nothing was waited for, they are what there is to say; a few per cent are for the table."""
    often = [{"stage": "install", "code": 10, "probability": "40 %"}]
    seldom = [{"stage": "install", "code": 10, "probability": "2 %"}]

    result = sim.run(scenario_of(failures=often))
    headline = result.headline

    failed = round(result.metrics["failed"])
    assert 3 < failed < 60
    assert f"; {failed} failed, most often with code 10: Upgrade package installation failure." in headline
    assert "failed" not in sim.run(scenario_of(failures=seldom)).headline


def test_headline__a_text_of_the_platform_is_quoted():
    """It is none of the sentence's own words."""
    silent = [{"stage": "install", "silent": True, "permanent": "100 %"}]

    headline = sim.run(scenario_of(failures=silent).with_values({"run.until": "7 d"})).headline

    assert "60 failed, most often with 'Wait for the device to report upgrade result timeout'." in headline


@pytest.mark.parametrize(
    ("failures", "start"),
    [
        ([], "The one device was upgraded, "),
        (
            [{"stage": "install", "code": 10, "permanent": "100 %"}],
            "The one device was not upgraded: 1 failed",
        ),
    ],
)
def test_headline__of_one_device_is_in_the_singular(failures, start):
    """Neither "all" nor "none" are said of one."""
    assert sim.run(scenario_of(1, failures=failures)).headline.startswith(start)


def test_headline__has_the_date_where_the_run_has_a_start():
    """A planner asks for the day; a run without a start has none, and times within a day need none."""
    slow = {"platform": {"dispatch_rate": "1 /h"}, "failures": [], "stages": {}}
    run = {"until": "30 d", "seed": 3}

    undated = sim.run(scenario_of(60, **slow, run=run))
    dated = sim.run(scenario_of(60, **slow, run={**run, "start": "2026-01-05T20:00:00Z"}))

    assert "2 d 11 h" in undated.headline
    assert "2026" not in undated.headline
    assert "(Thu 2026-01-08 07:00 UTC)" in dated.headline
    assert "(Thu 2026-01-08 07:00 UTC)" in str(dated).partition("all settled after")[2]


def test_headline__of_a_scenario_from_a_file_names_it(tmp_path):
    """The command can be copied."""
    text = "fleet: {cohorts: [{name: a, devices: 5}]}\ncampaign: {package: {version: '2', size: 1 MB}}\n"
    path = tmp_path / "five.yaml"
    path.write_text(text, encoding="utf-8")

    assert f"`fleetsim explain {path}`" in " ".join(str(sim.run(path)).split())


@pytest.mark.parametrize(
    ("size_bytes", "binary", "si"),
    [
        (1190 * 2**30, "1.16 TiB (1.28 TB)", "1.28 TB"),
        (120 * 2**30, "120 GiB (129 GB)", "129 GB"),
        (2**20, "1 MiB (1.05 MB)", "1.05 MB"),
        (999_999_999, "954 MiB (1 GB)", "1 GB"),
        (2**40 - 1, "1 TiB (1.1 TB)", "1.1 TB"),
        (500, "500 B", "500 B"),
        (0, "0 B", "0 B"),
    ],
)
def test_format_traffic__has_decimal_units_beside_binary_ones(size_bytes, binary, si):
    """Who pays for traffic reads GB; with SI units there is nothing to put beside them."""
    assert format_traffic(size_bytes) == binary
    token = SIZES_IN.set("si")
    try:
        assert format_traffic(size_bytes) == si == format_size(size_bytes)
    finally:
        SIZES_IN.reset(token)


def test_format_moment__is_what_a_calendar_shows():
    """The day of the week and the minute, in UTC."""
    start = datetime(2026, 1, 5, 20, 0, tzinfo=UTC)

    assert format_moment(start, 4 * 86_400 + 3 * 3600 + 10 * 60 + 59) == "Fri 2026-01-09 23:10 UTC"


SITES = {
    "name": "sites",
    "fleet": {
        "cohorts": [{"name": "a", "devices": 20, "site": {"devices": 10, "uplink": "1 Mbit/s"}}],
    },
    "campaign": {"package": {"version": "2", "size": "1 MB"}},
}


@pytest.mark.parametrize(
    ("bandwidth", "said"),
    [
        ("100 Mbit/s", "What limited it: lines of sites (1 Mbit/s)"),
        ("1 Mbit/s", "What limited it: the shared bandwidth (1 Mbit/s) and lines of sites (1 Mbit/s)"),
    ],
)
def test_summary__names_the_shared_bandwidth_beside_sites_only_if_it_was_full(bandwidth, said):
    """Two lines of 1 Mbit/s can't fill 100 Mbit/s of the platform, but do fill 1 Mbit/s."""
    result = sim.run({**SITES, "platform": {"bandwidth": bandwidth}}, plane="simpy")
    assert said in " ".join(str(result).split())


def test_summary__names_the_shared_bandwidth_if_an_outage_cut_it():
    """What is left of the bandwidth in an outage is less than what was full before or after it."""
    cut = {"at": "0 s", "lasts": "10 min", "effect": {"bandwidth": "1 %"}}
    result = sim.run({**SITES, "platform": {"bandwidth": "100 Mbit/s"}, "outages": [cut]}, plane="simpy")
    assert "the shared bandwidth (100 Mbit/s) and lines of sites (1 Mbit/s)" in " ".join(str(result).split())


def test_format__intervals_and_differences_have_one_unit():
    """Traffic has GB beside GiB once; its interval and what it differs by don't repeat it."""
    assert format_estimate("bytes_wasted", Estimate(2**30, 2**29, 2**31, ())) == (
        "1 GiB (1.07 GB) [512 MiB – 2 GiB]"
    )
    assert change_text("bytes_wasted", Means(*(np.array([x]) for x in (2.0**30, 2.0**29, 2.0**31)))) == (
        "+1 GiB [+512 MiB to +2 GiB]"
    )
