"""The summary as a person reads it, in a terminal and in a notebook."""

import re

import pytest

import sim
from sim.results.display.format import (
    format_count,
    format_estimate,
    format_metric,
    format_outcome,
    format_share,
    some_of,
)
from sim.results.statistics import Estimate
from sim.rules import SubtaskState
from sim.scenario import make_scenario

SUCCESS, FAIL, STOPPED = SubtaskState.SUCCESS, SubtaskState.FAIL, SubtaskState.STOPPED
PROCESSING = SubtaskState.PROCESSING


@pytest.fixture
def result(make_run, make_call, make_result):
    """Return a result with something to say in every section."""
    run = make_run(
        [SUCCESS] * 90 + [FAIL] * 8 + [STOPPED] + [PROCESSING],
        end_s=[60.0 * (i + 1) for i in range(99)] + [-1],
        first_failure_s=[-1] * 80 + [30] * 20,
        attempts=[1] * 80 + [2] * 12 + [3] * 8,
        reason=[0] * 90 + [5] * 6 + [1000] * 2 + [0, 1005],
        size_bytes=[2**20] * 100,
        wasted=[2**20 * 10],
        calls=[
            make_call("create", time_s=0.0),
            make_call("retry", accepted=[90, 91], refused=["stranger"]),
            make_call("retry", http_status=400),
        ],
        notes=["places were held by devices that waited for their window"],
        what_if=["jitter"],
        expect={"success_share": ">= 90 %", "makespan": "<= 1 h", "failed": "within 1 % of baseline"},
    )
    return make_result(run)


@pytest.mark.parametrize(
    "line",
    [
        r"by-hand: 100 devices, seed 5",
        r"Success +90 +90\.0 %",
        r"Fail +8 +8\.0 %",
        r"Stopped +1 +1\.0 %",
        r"still pending +1 +1\.0 %",
        r"first attempt succeeded +80\.0 % of all devices",
        r"recovered after a failed one +50\.0 % of 20 devices",
        r"attempt 2 +begun by 20, 10 succeeded",
        r"attempt 3 +begun by 8, 0 succeeded",
        r"time until +50 % +90 % +95 % +99 %",
        r"of all devices succeeded +50 min +1 h 30 min +never +never",
        r"6 +code 5: Insufficient storage space",
        r"2 +Waiting for the device online timeout",
        r"attempts +128, 1\.28 a device: 28 automatic and 0 manual retries",
        r"API calls +3, of these 2 retry calls",
        r"retry targets +2 accepted, 1 refused",
        r"Calls by answer",
        r"call +answer +calls +targets accepted +refused",
        r"create +200 +1",
        r"retry +200 +1 +2 +1",
        r"retry +400 \S+ +1 +0 +0",
        r"retry refused for 1 target: IOTDA\.014220, wrong state",
        r"peak load +100 in Processing, 100 downloads, 8 kbit/s",
        r"mean load +70 in Processing, 70 downloads, 233 kbit/s",  # 100 MiB in the hour of the run
        r"client budget +1 to create, 2 to look once, 1 to retry by name: 0 s at 200 calls/s",
        r"downloaded +100 MiB \(105 MB\), 10 MiB \(10\.5 MB\) of it by failed attempts",
        r"all settled after +never",
        r"met +success_share >= 90 % +actual 90\.0 %",
        r"NOT MET +makespan <= 1 h +actual never",
        r"not checked: it needs a baseline +failed within 1 % of baseline +actual 8",
        r"What-if, beyond the vendor's rules: jitter",
        r"Note: places were held by devices that waited for their window",
        r"Digest [0-9a-f]{16}, the run took 500 ms",
    ],
)
def test_summary_text__says(result, line):
    """Each of these lines stands in the summary."""
    assert re.search(rf"^ *{line}$", str(result), flags=re.MULTILINE), str(result)


def test_summary_text__says_nothing_of_what_did_not_happen(make_run, make_result):
    """Without failures, expectations and notes their sections are missing; nothing is stopped or pending."""
    text = str(make_result(make_run([SUCCESS] * 3)))

    for absent in ("Stopped", "pending", "recovered", "last failure", "Expectations", "Note", "What-if"):
        assert absent not in text
    assert "0 retry calls" in text


def test_summary_text__of_replications_has_intervals(make_run, make_result):
    """Means over replications carry the interval of the mean."""
    runs = [make_run([SUCCESS] * (8 + r) + [FAIL] * (2 - r), replication=r) for r in range(3)]

    text = str(make_result(*runs))

    assert "means of 3 replications, in brackets the 95 % interval of the mean" in text
    assert re.search(r"Success +9 \[6\.5 – 11\.5\] +90\.0 %", text)
    assert "3 runs took" in text


def test_summary_text__a_long_tail_of_attempts_is_one_line(make_run, make_result):
    """A script that retried a device thirty times doesn't fill the screen."""
    run = make_run([SUCCESS] * 30, attempts=range(1, 31), first_failure_s=[-1] + [10] * 29)

    text = str(make_result(run))

    assert re.search(r"attempt 4 +begun by 27, 1 succeeded", text)
    assert re.search(r"attempt 5 to 30 +begun by 26, 26 succeeded", text)
    assert "attempt 6" not in text


def test_summary_text__fits_a_terminal(result):
    """No line is longer than a hundred characters, and none ends in blanks."""
    lines = str(result).splitlines()

    assert max(map(len, lines)) <= 100
    assert all(line == line.rstrip() for line in lines)


def test_summary_text__says_what_a_gate_counted():
    """A gate that looks at first attempts stops a wave of which no device stands in Fail at the end."""
    gate = {"failed_count_max": 4, "of": "first_attempts"}
    waves = [{"name": "canary", "share": "50 %", "gate": gate}, {"name": "rest", "share": "100 %"}]
    policy = {"retry_count": 1, "retry_interval": "5 min"}
    values = {
        "name": "gated",
        "fleet": {"cohorts": [{"name": "all", "devices": 40}]},
        "failures": [{"stage": "query", "code": 1, "probability": "100 %"}],
        "campaign": {"package": {"version": "1", "size": "1 kB"}, "waves": waves, "task_policy": policy},
    }
    text = str(sim.run(make_scenario(values)))

    assert re.search(r"wave +began +devices +exposed +failed +stopped because\n", text)
    assert re.search(r"canary +0 s +20 +20 +0 +20 first attempts failed, more than 4\n", text)
    assert re.search(r"rest +never +20 +0 +0\n", text)

    del waves[0]["gate"]
    assert "stopped because" not in str(sim.run(make_scenario(values)))


@pytest.mark.parametrize(
    ("counts", "texts"),
    [
        ((816, 0, 184, 19_000), ["4.1 %", "0 %", "0.9 %", "95.0 %"]),
        ((1_555, 2_555, 3_555, 2_335), ["15.6 %", "25.6 %", "35.4 %", "23.4 %"]),
        ((33, 33, 33, 0), ["33.3 %", "33.3 %", "33.4 %", "0 %"]),
        ((9_985, 15, 0, 0), ["99.9 %", "0.1 %", "0 %", "0 %"]),
        ((9_999, 1, 0, 0), ["99.99 %", "0.01 %", "0 %", "0 %"]),
        ((100, 0, 0, 0), ["100 %", "0 %", "0 %", "0 %"]),
        ((0, 0, 0, 0), ["", "", "", ""]),
    ],
)
def test_format_outcome__adds_up(counts, texts):
    """What rounding leaves over goes to who is stopped or pending; success is written as everywhere."""
    assert format_outcome(counts) == texts


def test_repr__tells_results_apart(result):
    """One line with name, size, replications, seed and outcome."""
    assert repr(result) == "<RunResult by-hand: 100 devices, 1 replication, seed 5, 90.0% succeeded>"


def test_repr_html__is_complete_in_itself_and_escaped(make_run, make_result):
    """Table and figure need no request, and text from a scenario can't break out of its place."""
    run = make_run([SUCCESS] * 3 + [FAIL], notes=["<script>alert(1)</script> & more"])

    html = make_result(run)._repr_html_()

    assert "<script>" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; more" in html
    assert "src='data:image/png;base64," in html
    assert "http" not in html
    assert re.search(r"<th[^>]*>succeeded</th><td[^>]*>3 \(75\.0 %\)</td>", html)
    assert "alt='Devices by status over time, 75.0 % in Success at the end'" in html


def test_repr_html__lists_expectations(result):
    """Each expectation is there with its verdict."""
    html = result._repr_html_()

    assert "success_share &gt;= 90 %: met" in html
    assert "makespan &lt;= 1 h: <b>not met</b>" in html
    assert "baseline: not checked" in html


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0 %"),
        (1.0, "100 %"),
        (0.5, "50.0 %"),
        (0.9996, "99.96 %"),
        (0.99996, "99.996 %"),
        (0.0004, "0.04 %"),
        (1e-9, "< 0.0001 %"),
        (1 - 1e-9, "> 99.9999 %"),
        (sum([0.1] * 10), "100 %"),
    ],
)
def test_format_share__never_rounds_to_all_or_nothing(value, text):
    """One lost device of a million is not 100 %."""
    assert format_share(value) == text


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("devices", 1_234_567, "1,234,567"),
        ("failed", 2.25, "2.2"),
        ("makespan", None, "never"),
        ("recovered_share", None, "–"),
        ("makespan", 5_400.0, "1 h 30 min"),
        ("bytes_wasted", 3 * 2**20, "3 MiB (3.15 MB)"),
        ("peak_bandwidth", 125_000.0, "1 Mbit/s"),
        ("attempts_per_device", 1.2345, "1.23"),
    ],
)
def test_format_metric__has_the_unit_of_the_metric(name, value, text):
    """A metric is written as its kind is read."""
    assert format_metric(name, value) == text


def test_format_estimate__an_interval_stays_within_what_is_possible():
    """A share's interval is cut at 0 and 1; one of no width is left out."""
    assert format_estimate("success_share", Estimate(0.99, 0.97, 1.01, ())) == "99.0 % [97.0 % – 100 %]"
    assert format_estimate("success_share", Estimate(0.5, 0.5, 0.5, ())) == "50.0 %"


def test_format_count__fractions_only_where_they_matter():
    """A mean of thousands needs no decimals."""
    assert [format_count(value) for value in (3, 2.5, 12_345.6)] == ["3", "2.5", "12,346"]


def test_some_of__names_three_and_counts_the_others():
    """A long list stays short, and says how long it is."""
    assert some_of(["a", "b", "c"]) == "a, b, c"
    assert some_of(["a", "b", "c", "d", "e"]) == "a, b, c and 2 more"
