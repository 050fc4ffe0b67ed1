"""From a folder to one file: the page is put together, filled in, and written whole."""

from __future__ import annotations

import re
from functools import cache
from importlib import import_module, resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sim.atomic_files import write_whole
from sim.errors import Problem, ScenarioError
from sim.report.vega_bundle import javascript
from sim.results.figures.colours import style_sheet
from sim.results.files.read import read_run
from sim.results.files.write import REPORT

if TYPE_CHECKING:
    from sim.report.page_model import Page

_UNIT: Final = re.compile(
    r"(?<=\d) (?=(?:%|(?:d|h|min|s|ms|B|[KMGT]iB|[kMG]?bit/s|devices?)\b))|(?<=\d [dh]) (?=\d+ (?:h|min|s)\b)"
    r"|(?<=\d min) (?=\d+ s\b)|(?<=\d ×) (?=\d)|(?<=\d) (?=×)|(?<=\bcode) (?=\d)"
)
_COLOURS: Final = "/* colours of the figures */"
"""Where the style sheet gets them; dark pages and prints change some of them below."""
_EXTRA: Final = "needs the packages of the extra 'report': pip install 'fleet-upgrade-sim[report]'"


def report_html(folder: str | Path) -> str:
    """Return the report on a folder of results, as one page that asks for nothing else.

    Args:
        folder: As `fleetsim run` or one of the studies wrote it.

    Raises:
        ScenarioError: It holds no complete result, or the extra `report` is not installed.
    """
    check_extra()
    from sim.report.run_page import run_page
    from sim.report.study.pages import study_page
    from sim.study.engine.unit import MARKER

    if Path(folder, MARKER).exists():
        return _filled(study_page(Path(folder)))
    return _filled(run_page(read_run(folder)))


def write_report(folder: str | Path, path: str | Path | None = None) -> Path:
    """Write the report on a folder of results.

    Args:
        folder: As `fleetsim run` or one of the studies wrote it.
        path: The file; `report.html` in the folder if None. An earlier one is replaced, as a whole.

    Returns:
        The file.

    Raises:
        ScenarioError: See `report_html`.
        OSError: It can't be written.
    """
    target = Path(folder, REPORT) if path is None else Path(path)
    write_whole(target, report_html(folder))
    return target


def check_extra() -> None:
    """Refuse to begin without the packages that only a report needs.

    Raises:
        ScenarioError: The extra `report` is not installed.
    """
    for name in ("altair", "jinja2", "vl_convert"):
        try:
            import_module(name)
        except ImportError:
            raise ScenarioError([Problem("report", f"{_EXTRA} ({name} is missing)")]) from None


@cache
def _template() -> Any:
    """Return the page's template, which escapes whatever is filled in."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True)
    environment.filters["tied"] = tied
    return environment.from_string(_asset("page.html.j2"))


def tied(text: str) -> str:
    """Return a text whose numbers stay on one line with their units.

    Args:
        text: Like `5 d 16 h`.
    """
    return _UNIT.sub("\u00a0", text)


def _filled(page: Page) -> str:
    """Return the page as HTML; styles and scripts go in as they are."""
    from markupsafe import Markup

    text: str = _template().render(
        page=page,
        css=Markup(_asset("page.css").replace(_COLOURS, style_sheet())),
        js=Markup(_asset("page.js")),
        library=Markup(javascript()),
    )
    return text


def _asset(name: str) -> str:
    """Return one of the files beside this module."""
    return resources.files("sim.report").joinpath("assets", name).read_text(encoding="utf-8")
