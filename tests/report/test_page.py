"""The page is one file that holds what the issue of a meeting needs, and nothing that asks for more."""

import json
import re
from html.parser import HTMLParser

import pytest

import sim
from sim.errors import ScenarioError
from sim.report import report_html, write_report
from sim.report.page import tied
from sim.report.run_page import run_page
from sim.results.display.format import format_count
from sim.results.files.read import read_run
from sim.scenario import parse_scenario

SECTIONS = [
    "course",
    "time",
    "load",
    "failures",
    "attempts",
    "cohorts",
    "rollout",
    "calls",
    "assumptions",
    "origin",
]


class Tags(HTMLParser):
    """Collects the tags of a page, and the text outside of scripts and styles."""

    def __init__(self, page: str) -> None:
        """Read a page."""
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._hidden = False
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        """Keep a tag."""
        self.tags.append((tag, dict(attrs)))
        self._hidden = tag in ("script", "style")

    def handle_endtag(self, tag):
        """Come out of a script or a style."""
        self._hidden = False

    def handle_data(self, data):
        """Keep a text."""
        if not self._hidden:
            self.text += data


@pytest.fixture(scope="module")
def page(folder) -> str:
    """Return the report on the small campaign."""
    return report_html(folder)


def data_of(page: str) -> dict:
    """Return what the page's script gets."""
    match = re.search(r'<script type="application/json" id="page-data">(.*?)</script>', page, re.DOTALL)
    return json.loads(match[1])


def test_report_html__has_every_section(page):
    """All parts that the report promises are there, in their order."""
    names = re.findall(r'<h2 id="s-(\w+)"', page)

    assert names == SECTIONS
    assert "data-ready" not in page.split("<script>")[0]


def test_report_html__refers_to_nothing_outside(page):
    """No tag has an address but inline data, and the policy of the page forbids all requests."""
    for tag, attributes in Tags(page).tags:
        for name in ("src", "href", "action", "data", "poster", "srcset"):
            value = attributes.get(name)
            assert value is None or value.startswith(("#", "data:")), (tag, name, value)
    assert "default-src 'none'" in page
    assert "@import" not in page
    assert "url(" not in page.split("<style>")[1].split("</style>")[0]


def test_report_html__escapes_what_the_scenario_says(page):
    """A description with markup in it is text, and no script can be smuggled in."""
    assert "Two cohorts &lt;b&gt;&amp; a canary&lt;/b&gt;." in page
    assert "<b>& a canary" not in page.split("</header>")[0]


def test_report_html__is_small(page):
    """The page stays far below two megabytes, most of them the chart library."""
    assert len(page.encode()) < 1_400_000
    assert len(json.dumps(data_of(page))) < 300_000


def test_report_html__numbers_are_those_of_the_summary(stored, page):
    """Tiles show the summary's means, with their intervals."""
    text = Tags(page).text.replace("\u00a0", " ")
    metrics = stored.summary["metrics"]

    assert f"of {metrics['devices']['mean']:,.0f}" in text
    assert f"{format_count(metrics['needed_recovery']['mean'])} whose first attempt failed" in text
    assert stored.manifest["digest"] in text


def test_report_html__charts_have_texts_and_values(page):
    """Each chart has a label, a table of its values or a legend in words, and its figure a caption."""
    tags = Tags(page).tags
    images = [attributes for tag, attributes in tags if attributes.get("role") == "img"]

    assert {f"chart-{chart['name']}" for chart in data_of(page)["charts"]} == {a["id"] for a in images}
    assert all(len(a["aria-label"]) > 30 for a in images)
    assert sum(tag == "figcaption" for tag, _ in tags) == len(images)


def test_report_html__names_the_wave_that_a_gate_stopped(make_stored):
    """A tripped gate is told in a sentence, with how many devices were exposed."""
    gate = {"failed_share_max": "1 %", "of_at_least": 20}
    waves = [{"name": "canary", "share": "20 %", "gate": gate}, {"name": "everyone", "share": "100 %"}]
    campaign = {"package": {"version": "2", "size": "1 MiB"}, "waves": waves}
    failures = [{"stage": "verify", "code": 7, "probability": "30 %"}]
    run = make_stored(campaign=campaign, failures=failures, operators=None)
    text = Tags(report_html(run.folder)).text.replace("\u00a0", " ")

    assert "The gate of wave canary tripped after" in text
    assert "the gate of wave canary stops it after" in text
    assert "of the fleet." in text
    (rollout,) = [section for section in run_page(run).sections if section.name == "rollout"]
    (canary, everyone) = rollout.tables[0].rows
    assert re.fullmatch(r".+: \d+ failed of \d+ that ended, more than 1 %", canary[-1])
    assert everyone[-1] == "–"


def test_run_page__shows_downloads_that_no_row_meets(make_stored):
    """Downloads shorter than a step of the time grid have a chart with their peak, dotted."""
    fleet = {"cohorts": [{"name": "fast", "devices": 30, "link_rate": "1 MB/s"}]}
    campaign = {"package": {"version": "2", "size": "2 MB"}}
    run = make_stored(
        fleet=fleet,
        campaign=campaign,
        failures=None,
        operators=None,
        outages=None,
        stages={"query": {"constant": "7 s"}},
        platform=None,
        run={"until": "1 h", "resolution": "1 min"},
    )
    page = run_page(run)
    charts = {chart.name: chart for chart in page.charts}

    assert 0 < max(charts["downloads"].data["mean"]) < run.summary["metrics"]["peak_downloads"]["mean"]
    said = "Peak 30 (dotted); area: the mean, since points are 60 s apart; unlimited."
    assert charts["downloads"].note == said
    assert [{"peak": 30.0}] in charts["downloads"].spec["datasets"].values()
    assert [{"peak": 240e6}] in charts["bandwidth"].spec["datasets"].values()
    (load,) = [section for section in page.sections if section.name == "load"]
    assert not load.sentences


def test_report_html__says_so_where_there_is_nothing(make_stored):
    """A fleet without failures, downloads and retries gets sentences instead of empty panels."""
    campaign = {"package": {"version": "2", "size": "1 B"}}
    fleet = {"cohorts": [{"name": "only", "devices": 20}]}
    run = make_stored(
        campaign=campaign,
        fleet=fleet,
        failures=None,
        operators=None,
        outages=None,
        stages=None,
        platform=None,
    )
    page = run_page(run)
    text = Tags(report_html(run.folder)).text

    assert [chart.name for chart in page.charts if chart.name in ("recovery", "downloads", "bandwidth")] == []
    for sentence in (
        "nothing to recover from",
        "No download took any time",
        "No device stands at a failure",
    ):
        assert sentence in text


def test_run_page__cohort_rows_are_the_filters(stored):
    """Each cohort that the filter offers has rows in every chart that follows it."""
    page = run_page(stored)

    assert page.cohorts == ["gateway", "meter"]
    for chart in page.charts:
        if chart.follows:
            assert set(chart.data["cohort"]) == {"", "gateway", "meter"}
        assert len({len(column) for column in chart.data.values()}) == 1


def test_run_page__completion_stacks_to_one(stored):
    """The shares of each row of the completion chart add up to the whole."""
    (chart,) = [chart for chart in run_page(stored).charts if chart.name == "completion"]
    names = [name for name in chart.data if name not in ("cohort", "t", "low", "high")]

    for row in zip(*(chart.data[name] for name in names), strict=True):
        assert sum(value or 0.0 for value in row) == pytest.approx(1.0, abs=6e-4)


def test_write_report__writes_beside_the_results(folder, tmp_path):
    """By default the report lies in the folder; another name is taken as it is."""
    path = write_report(folder, tmp_path / "other.html")

    assert path.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["other.html"]


def test_write_report__refuses_an_empty_folder(tmp_path):
    """A folder without results is named, and no file is left there."""
    with pytest.raises(ScenarioError, match="holds no results"):
        write_report(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_check_extra__names_what_to_install(monkeypatch, folder):
    """Without the packages of the extra, the message says how to get them."""
    monkeypatch.setitem(__import__("sys").modules, "vl_convert", None)

    with pytest.raises(ScenarioError, match=r"fleet-upgrade-sim\[report\].*vl_convert is missing"):
        report_html(folder)


def test_tied__keeps_numbers_and_units_together():
    """A number and its unit don't part at the end of a line; words do."""
    assert tied("5 d 16 h, 98 % of 10 devices") == "5\u00a0d\u00a016\u00a0h, 98\u00a0% of 10\u00a0devices"
    assert tied("wave 2 said so") == "wave 2 said so"


def test_page__tells_what_the_author_says_and_what_the_run_notes(tmp_path):
    """The comment at the head of the file is shown without lines for programs, and notes keep their names."""
    text = (
        "# yaml-language-server: $schema=scenario.schema.json\n# pytest: slow\n#\n# All of it is guessed,\n"
        "# boldly.\nname: noted\nfleet: {cohorts: [{name: small-ones, devices: 40, spread: 1}]}\n"
        "failures: [{stage: verify, code: 7, probability: 10 %}]\n"
        'campaign: {package: {version: "1", size: 1 kB}}\n'
    )
    sim.run(parse_scenario(text)).save(tmp_path)

    rests = next(s for s in run_page(read_run(tmp_path)).sections if s.name == "assumptions")

    assert list(rests.sentences) == ["All of it is guessed, boldly."]
    assert any(point.startswith("Note: small-ones: verify fails with 10 %") for point in rests.points)
    assert json.loads((tmp_path / "summary.json").read_text())["notes"]


def test_run_page__says_what_devices_remember(make_stored):
    """Links and conditions have columns where a cohort has any, and order and memory are named."""
    fleet = {
        "cohorts": [
            {"name": "plain", "devices": 20},
            {"name": "asleep", "devices": 20, "online": {"every": "150 min", "for": "3 min"}, "resume": True},
        ]
    }
    lasts = {"stage": "query", "code": 4, "probability": "10 %", "lasts": {"exponential": {"mean": "8 h"}}}
    fleet["cohorts"][0]["failures"] = [lasts]
    run = make_stored(fleet=fleet, failures=None, operators=None, outages=None)
    parts = {section.name: section for section in run_page(run).sections}

    (table,) = parts["cohorts"].tables
    rows = {row[0]: dict(zip(table.headers, row, strict=True)) for row in table.rows}
    assert rows["asleep"]["in reach"] == "3 min every 2 h 30 min"
    assert rows["plain"]["conditions"] == "query 10 %, 8 h each"
    assert (rows["plain"]["in reach"], rows["asleep"]["conditions"]) == ("–", "–")
    points = list(parts["assumptions"].points)
    assert "Order of devices: shuffled." in points
    assert (
        "Devices remember: links that go up and down by themselves, conditions that last 8 h on average, "
        "bytes of downloads that broke off." in points
    )


def test_run_page__has_no_column_of_nothing(stored):
    """Where no cohort has links or conditions, neither is mentioned."""
    parts = {section.name: section for section in run_page(stored).sections}

    (table,) = parts["cohorts"].tables
    assert {"in reach", "conditions"}.isdisjoint(table.headers)
    assert not any(point.startswith("Devices remember") for point in parts["assumptions"].points)


def test_page__explains_the_states_that_it_shows(stored):
    """Names of the vendor's states are told in words below the chart, and only those that occur."""
    chart = run_page(stored).charts[0]

    assert "Waitting is the vendor's spelling: it has not begun" in chart.note
    assert "FailWaitRetry: failed, and waits" in chart.note


def test_run_page__tells_a_freeze_from_an_outage(make_stored):
    """The note and the values below the pointer call a shade what it is."""
    freeze = {"at": "2 h", "lasts": "1 h", "effect": "freeze"}
    outage = {"at": "5 h", "lasts": "1 h", "effect": "unreachable", "cohorts": ["meter"]}
    frozen = run_page(make_stored(outages=[freeze])).charts[0]
    both = run_page(make_stored(outages=[freeze, outage])).charts[0]

    assert "Shaded: freezes." in frozen.note
    assert "Shaded: freezes and outages." in both.note
    assert [{"t": 7_200.0, "t2": 10_800.0, "what": "freeze"}] in frozen.spec["datasets"].values()


def cohorts_of(number: int) -> dict:
    """Return a fleet of so many cohorts, the last of which is the slowest, and never comes to 99 %."""
    rates = [f"{number - i} Mbit/s" for i in range(number)]
    cohorts = [{"name": f"c{i}", "devices": 20, "link_rate": rate} for i, rate in enumerate(rates)]
    cohorts[-1]["failures"] = [{"stage": "install", "code": 10, "permanent": "95 %"}]
    return {"cohorts": cohorts}


def test_run_page__sorts_cohorts_by_what_it_shows_and_says_how_many_it_does_not(make_stored):
    """Of 200 cohorts the slowest 25 are shown, by the times beside them, and the other 175 are counted."""
    run = make_stored(fleet=cohorts_of(200), failures=None, operators=None, outages=None, expect=None)
    page = run_page(run)
    parts = {section.name: section for section in page.sections}
    (chart,), (table,) = parts["cohorts"].charts, parts["cohorts"].tables

    assert chart.data["cohort"][0] == "c199"
    assert chart.data["line"][0] == "c199: 50 % never"  # it has no line, and is not left out
    late = [time_s for time_s in chart.data["p99"] if time_s is not None]
    assert late == sorted(late, reverse=True)
    assert [row[0] for row in table.rows] == chart.data["cohort"]
    assert chart.note == table.note == "And 175 more, which are faster."
    assert (len(page.cohorts), page.left_out) == (25, 175)
    assert set(page.cohorts) == set(chart.data["cohort"])
    assert "and 175 more, which are faster" in report_html(run.folder)


def test_run_page__has_dates_where_the_scenario_gives_one(make_stored):
    """With a start the page has the date of time 0, and without one it invents none."""
    run = {"until": "3 d", "resolution": "5 min", "start": "2026-01-05T18:00:00Z"}
    dated, plain = run_page(make_stored(run=run)), run_page(make_stored())

    assert "Time 0 is Mon 5 Jan 2026 18:00 UTC." in dated.about
    assert dated.data["start"] == 1_767_636_000
    assert [chart.name for chart in dated.charts if chart.time and chart.time["dated"]] == [
        *("completion", "processing", "downloads", "bandwidth", "cohorts")
    ]
    points = list(dated.sections[-1].points)
    assert points[0] == "The run begins on Mon 5 Jan 2026 18:00 UTC."
    assert any("(Mon 5 Jan 2026 20:00 UTC to Mon 5 Jan 2026 21:00 UTC)" in point for point in points)
    assert plain.data["start"] is None
    assert "Time 0" not in plain.about


def test_run_page__begins_with_what_limited_the_campaign(stored, page):
    """Below the answer stands what took the devices' time, with shares; files without it have a page too."""
    begin = Tags(page).text[: page.index("Outcome")]
    without = {name: value for name, value in stored.summary.items() if name != "limited_by"}
    older = type(stored)(stored.folder, stored.manifest, without)

    assert re.search(r"(What limited it|Hardly anything held it up): .+ \d+\s%", begin)
    assert run_page(older).limited == ""


def test_run_page__opens_each_chart_with_the_scale_that_suits_it(stored):
    """No chart is logarithmic because another one is."""
    page = run_page(stored)

    assert page.data["scale"] == "fit"
    assert {chart.time["skewed"] for chart in page.charts if chart.time} == {True, False}


@pytest.mark.parametrize("text", ["5 d 16 h", "14 min 22 s", "2 × 5 min", "code 10"])
def test_tied__keeps_what_belongs_together_on_one_line(text):
    """A number doesn't part from its unit, nor a code from its number."""
    assert " " not in tied(text)


def test_run_page__says_what_the_campaign_costs(make_stored, stored):
    """With prices there is a tile of the cost, its currency and what is paid for; else none."""
    run = make_stored(costs={"per_visit": "80 EUR", "per_attempt": "0.50 EUR"})
    (tile,) = [tile for tile in run_page(run).tiles if tile.label == "cost"]
    metrics = {name: value["mean"] for name, value in run.summary["metrics"].items()}

    assert tile.value == f"{metrics['cost']:,.0f} EUR"
    assert tile.note == f"attempts {metrics['cost_attempts']:,.2f}, visits {metrics['cost_visits']:,.0f}"
    assert "cost" not in {tile.label for tile in run_page(stored).tiles}


def test_run_page__a_verdict_is_the_head_of_its_row(stored):
    """The verdict is the first column, which a narrow screen keeps in sight."""
    (table,) = run_page(stored).lead_tables

    assert table.headers[0] == "verdict"
    verdicts = [verdict["met"] for verdict in stored.summary["expectations"]]
    assert [row[0] for row in table.rows] == ["✓ met" if is_met else "✗ not met" for is_met in verdicts]
