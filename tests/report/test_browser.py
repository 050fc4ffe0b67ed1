"""The report in a real browser: light and dark, on a phone and on a desk, with axe's rules."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import sim
from sim.report import write_report

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
]
ROOT = Path(__file__).resolve().parents[2]
SHIPPED = sorted(path.stem for path in ROOT.glob("scenarios/*.yaml") if path.stem != "million")
WIDTHS = {"phone": 360, "desk": 1440}

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="Chromium is not installed"),
]


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Yield a browser for all tests."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        yield running
        running.close()


@pytest.fixture
def open_page(browser: Any) -> Iterator[Any]:
    """Yield what opens a file and fails the test for anything that the console or the network says."""
    contexts, said = [], []

    def open_it(path: Path, *, width: int = 1440, dark: bool = False) -> Any:
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme="dark" if dark else "light"
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: said.append(f"error: {error}"))
        page.on(
            "request",
            lambda request: None if request.url.startswith(("file:", "data:")) else said.append(request.url),
        )
        page.goto(path.as_uri())
        page.wait_for_selector("body[data-ready]")
        return page

    yield open_it
    for context in contexts:
        context.close()
    assert said == []


@pytest.fixture(scope="session")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return the reports of all shipped scenarios but the largest, by name."""
    home = tmp_path_factory.mktemp("reports")
    for name in SHIPPED:
        sim.run(ROOT / "scenarios" / f"{name}.yaml").save(home / name)
    return {name: write_report(home / name) for name in SHIPPED}


@pytest.fixture(scope="session")
def small(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the report of the small campaign."""
    return write_report(folder, tmp_path_factory.mktemp("small-report") / "report.html")


def wide_parts(page: Any) -> list[str]:
    """Return what is wider than the window, or cut off inside a chart."""
    return page.evaluate(
        """() => {
          const wide = [...document.querySelectorAll("main *, header *")].filter((part) =>
            !part.closest(".scroll, pre, svg") && part.getBoundingClientRect().right > innerWidth + 1);
          const cut = [...document.querySelectorAll(".chart svg text")].filter((text) => {
            const box = text.getBoundingClientRect();
            const frame = text.closest(".chart").getBoundingClientRect();
            const sticksOut = box.left < frame.left - 2 || box.right > frame.right + 2;
            return text.textContent && getComputedStyle(text).opacity !== "0" && sticksOut;
          });
          return [...wide, ...cut].map((part) => `${part.tagName}: ${part.textContent.slice(0, 60)}`);
        }"""
    )


@pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS)
@pytest.mark.parametrize("name", SHIPPED)
def test_report__of_a_shipped_scenario_fits(name, width, reports, open_page):
    """It opens without a word in the console or a request, and nothing is cut off or sticks out."""
    assert_fits(open_page(reports[name], width=width), width)


@pytest.mark.slow
def test_report__of_a_million_devices_fits(tmp_path, open_page):
    """The largest shipped scenario has a page like the others, on a phone and on a desk."""
    sim.run(ROOT / "scenarios" / "million.yaml").save(tmp_path / "out")
    report = write_report(tmp_path / "out")

    for width in WIDTHS.values():
        assert_fits(open_page(report, width=width), width)


def assert_fits(page: Any, width: int) -> None:
    """Check that nothing is wider than the window or cut off, and that no chart is empty."""
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert wide_parts(page) == []
    for chart in page.locator(".chart").all():
        assert chart.locator("svg path, svg text").count() > 3


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_report__keeps_the_rules_of_axe(dark, small, open_page):
    """Contrast, labels, roles and order pass every rule of axe-core."""
    from axe_playwright_python.sync_playwright import Axe

    page = open_page(small, dark=dark)
    found = Axe().run(page, options={"resultTypes": ["violations"]})

    assert [f"{v['id']}: {v['nodes'][0]['html'][:200]}" for v in found.response["violations"]] == []


@pytest.mark.parametrize(("width", "dark"), [(360, False), (390, True), (1440, False), (1440, True)])
@pytest.mark.parametrize("kind", ["sweep", "plan", "frontier", "policy", "replications", "sensitivity"])
def test_report__of_a_study_fits_and_keeps_the_rules_of_axe(kind, width, dark, studies, open_page, tmp_path):
    """Studies have pages as good as those of runs."""
    from axe_playwright_python.sync_playwright import Axe

    page = open_page(write_report(studies[kind], tmp_path / "report.html"), width=width, dark=dark)

    assert_fits(page, width)
    found = Axe().run(page, options={"resultTypes": ["violations"]})
    assert [violation["id"] for violation in found.response["violations"]] == []


def test_report__the_cohort_filter_changes_charts_and_tables(small, open_page):
    """A chosen cohort is named, its rows remain, and `all` brings everything back."""
    page = open_page(small)
    drawing = page.locator("#chart-completion svg")
    before = drawing.inner_html()

    page.select_option("#cohort", "meter")
    page.wait_for_function("document.querySelector('#chart-completion svg').innerHTML.length > 0")
    assert drawing.inner_html() != before
    assert page.locator("figcaption [data-chosen]").first.text_content() == "meter"
    assert page.locator("section[aria-labelledby=s-cohorts] tbody tr:visible").count() == 1

    page.select_option("#cohort", "")
    assert page.locator("section[aria-labelledby=s-cohorts] tbody tr:visible").count() == 2
    page.wait_for_function(
        "text => document.querySelector('#chart-completion svg').innerHTML === text", arg=before
    )


def test_report__the_time_axis_can_be_logarithmic_by_keyboard(small, open_page):
    """The choice is reached with Tab and made with an arrow key, and the axes follow."""
    page = open_page(small)
    assert page.locator("input[name=scale]:checked").get_attribute("value") == "fit"
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.name") == "scale":
            break
    for scale in ("linear", "log"):
        page.keyboard.press("ArrowRight")
        page.wait_for_selector(f"body[data-scale={scale}]")
        titles = page.locator("#chart-completion svg").text_content()
        assert ("(log)" in titles) == (scale == "log")


@pytest.mark.parametrize("width", [390, 1440])
def test_report__says_where_a_table_hides_columns(width, small, open_page):
    """Each table is seen in whole, or can be scrolled, with a hint below it and its first column in sight."""
    page = open_page(small, width=width)
    found = page.evaluate(
        """() => [...document.querySelectorAll(".scroll")].filter((part) => part.offsetParent).map((part) => {
          part.scrollLeft = part.scrollWidth;
          const last = part.querySelector("thead th:last-child").getBoundingClientRect();
          const first = part.querySelector("tbody th").getBoundingClientRect();
          return {
            isWide: part.scrollWidth > part.clientWidth + 1, isHinted: !part.nextElementSibling.hidden,
            endIsSeen: last.right <= innerWidth + 16, isNamed: first.right > 16,
          };
        })"""
    )

    assert len(found) >= 5
    assert all(part["isWide"] == part["isHinted"] for part in found)
    assert all(part["endIsSeen"] for part in found)
    assert any(part["isWide"] for part in found) == (width < 1_000)
    if width < 1_000:
        assert all(part["isNamed"] for part in found)


@pytest.fixture(scope="session")
def extremes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return reports of campaigns that are out of the ordinary, by name."""
    long = "a-cohort-whose-name-is-sixty-characters-long-as-they-are-now"
    ordinary = {
        "fleet": {"cohorts": [{"name": "a", "devices": 100, "link_rate": "1 Mbit/s"}]},
        "failures": [{"stage": "verify", "code": 7, "probability": "10 %"}],
        "campaign": {
            "package": {"version": "2", "size": "1 MiB"},
            "task_policy": {"retry_count": 1, "retry_interval": "5 min"},
        },
    }
    many = [{"name": f"c{i}", "devices": 5, "link_rate": f"{1 + i % 9} Mbit/s"} for i in range(200)]
    named = [{"name": name, "devices": 50, "link_rate": "1 Mbit/s"} for name in (long, "W" * 60)]
    changes: dict[str, dict[str, Any]] = {
        "long": {"name": long, "fleet": {"cohorts": named}},
        "many": {"fleet": {"cohorts": many}},
        "no-failure": {"failures": []},
        "all-fail": {"failures": [{"stage": "verify", "code": 7, "probability": "100 %"}]},
        "no-retry": {"campaign": {"package": {"version": "2", "size": "1 MiB"}}},
        "one-instant": {"failures": [], "stages": {}},
        "one-device": {"fleet": {"cohorts": [{"name": "a", "devices": 1, "link_rate": "1 Mbit/s"}]}},
        "nobody": {"run": {"until": "1 s", "resolution": "1 s"}},
        "dated": {"run": {"start": "2026-01-05T18:00:00Z"}},
    }
    home = tmp_path_factory.mktemp("extremes")
    for name, change in changes.items():
        sim.run({"name": name, **ordinary, **change}, plane="simpy").save(home / name)
    return {name: write_report(home / name) for name in changes}


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440])
def test_report__of_extreme_campaigns_fits(width, dark, extremes, open_page):
    """Long names, many cohorts, no failure, only failures: no panel is blank and nothing is cut off."""
    for report in extremes.values():
        page = open_page(report, width=width, dark=dark)
        assert_fits(page, width)
        few = page.evaluate(
            """() => [...document.querySelectorAll(".chart:not(#chart-attempts) .role-axis")]
            .filter((axis) => {
              const labels = [...axis.querySelectorAll(".role-axis-label text")];
              const seen = labels.filter((text) => getComputedStyle(text).opacity !== "0");
              return labels.length && seen.length < 3;
            }).map((axis) => `${axis.closest(".chart").id}: ${axis.textContent}`)"""
        )
        assert few == [], report


def test_report__shows_values_under_the_pointer(small, open_page):
    """Moving over a curve shows the time and the shares there."""
    page = open_page(small)
    page.locator("#chart-recovery").scroll_into_view_if_needed()
    box = page.locator("#chart-recovery").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 100)
    page.mouse.move(box["x"] + box["width"] / 2 + 5, box["y"] + 100)

    page.wait_for_selector("#tip:not([hidden])")
    text = page.locator("#tip").text_content()
    assert "recovered" in text
    assert "%" in text


def test_report__prints_without_controls(small, open_page, tmp_path):
    """On paper the choices are gone, and the scenario's text is there."""
    page = open_page(small, width=1000)
    page.emulate_media(media="print")

    assert page.locator(".controls").is_hidden()
    page.pdf(path=tmp_path / "report.pdf", format="A4")
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF")


def test_report__without_javascript_has_its_tables(small, browser):
    """Where scripts are off, verdict and tables can be read, and a sentence says what is missing."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(small.as_uri())

    assert page.locator("noscript").inner_text()
    assert page.locator(".answer").is_visible()
    assert page.locator("section[aria-labelledby=s-failures] tbody tr:visible").count() > 0
    context.close()


def test_report__of_the_command_opens(tmp_path, open_page, repository):
    """`run --report` writes the file that `report` would write, and it opens."""
    import sys

    command = [sys.executable, "-m", "sim", "run", "scenarios/quickstart.yaml", "--out", tmp_path / "out"]
    subprocess.run([*command, "--report", "--quiet"], cwd=repository, check=True)

    assert "quickstart" in open_page(tmp_path / "out" / "report.html").title()
