"""The shipped scenarios: each runs, keeps its own expectations, and shows what its header says."""

import pytest

import sim
from support.shipped_scenarios import FOLDER, results

__all__ = ["results"]

SHIPPED = sorted(FOLDER.glob("*.yaml"))
WARNED = {"flat-batteries": "meets the condition of stage 'query' again in 99 % of cases"}
"""The one that shows what is warned of."""
FIRST = ["night-meters", "quickstart", "retry-script", "silent-devices"]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_scenario__is_named_like_its_file_and_says_what_it_teaches(path):
    """A reader learns from the first lines why to run it, and which of its numbers are assumptions."""
    text = path.read_text(encoding="utf-8")
    scenario = sim.load_scenario(path)

    assert scenario.name == path.stem
    assert scenario.description
    assert "# What it teaches: " in text
    assert "ASSUMPTION" in text
    warnings = [str(warning) for warning in scenario.warnings()]
    assert [WARNED.get(path.stem, "nothing") in warning for warning in warnings] == [True] * len(warnings)
    assert len(warnings) == (path.stem in WARNED)


@pytest.mark.parametrize("name", FIRST)
def test_scenario__keeps_its_expectations(results, name):
    """What the file expects comes true, so that a newcomer's first run doesn't end with an error."""
    verdicts = results(name).expectations

    assert verdicts
    assert [verdict for verdict in verdicts if not verdict.met] == []


@pytest.mark.slow
@pytest.mark.parametrize("name", FIRST)
def test_scenario__both_planes_agree(results, name):
    """The transparent plane gives the same run, down to the microsecond."""
    other = sim.run(FOLDER / f"{name}.yaml", plane="simpy")

    assert other.digest == results(name).digest


def test_quickstart__recovers_in_two_steps_and_not_fully(results):
    """Most come back by automatic retries within the first day, a few by the call, some never."""
    result = results("quickstart")
    recovery = result.recovery.set_index("time_s")["recovered"]

    assert result.metrics["devices"] == 10_000
    first_day = recovery.loc[:86_400].iloc[-1]
    assert 0.7 < first_day < recovery.iloc[-1] < 0.9
    assert result.calls["call"].tolist() == ["create", "retry"]
    assert result.calls["body"].tolist()[1] == "{}"
    assert result.metrics["manual_retries"] == result.metrics["retry_targets_accepted"] > 100


def test_silent_devices__fill_the_places_until_their_timer_ends(results):
    """Before the first day is over nothing moves any more; a timer of two hours saves most of the time."""
    result = results("silent-devices")
    success = result.curves.set_index("time_s")["success"]
    patient = result.scenario.with_values({"platform.timers.mqtt.upgrade": "2 h"})

    assert success.loc[85_800] - success.loc[75_000] < 100
    assert success.loc[85_800] < 0.8 * 20_000
    assert sim.run(patient).metrics["makespan"] < result.metrics["makespan"] / 4


def test_night_meters__move_at_night_only_and_the_poorest_last(results):
    """Success grows between 22:00 and shortly after 06:00; by the first morning most are done, not all."""
    result = results("night-meters")
    success = result.curves.set_index("time_s")["success"]
    day = success.loc[12.75 * 3600 : 28 * 3600]  # the run begins at 18:00, contacts begin at 22:00

    assert success.loc[: 4 * 3600].max() == 0
    assert day.max() == day.min()
    assert 0.9 * 12_000 < day.max() < 0.99 * 12_000
    assert result.metrics["makespan"] > 48 * 3600


def test_retry_script__names_what_may_pass_and_leaves_the_rest_alone(results):
    """Calls name at most 100 devices; what remains is out of storage, and was never retried."""
    result = results("retry-script")
    failed = result.targets[result.targets["status"] == "Fail"]
    storage = failed[failed["error_code"] == 5]

    retries = result.calls[result.calls["call"] == "retry"]
    assert retries["body"].eq("targets").all()
    assert (retries["accepted"] + retries["refused"]).max() == 100
    assert len(storage) > 0.9 * len(failed)
    assert result.metrics["auto_retries"] == 0
    assert (storage["manual_retries"] == 0).mean() > 0.8
