"""What a language model should read first: `python -m sim.cli.llms > .readme/llms.txt`.

Made from commands, metrics, schemas and pages, in the form that llms.txt has (https://llmstxt.org): a title,
a summary, and lists of links with a line about each.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click

from sim.cli.documents.schemas import DOCUMENTS
from sim.cli.group import COMMANDS, PROGRAM
from sim.cli.manual import EXIT_CODES
from sim.cli.tools import TOOLS
from sim.scenario import METRICS, scenario_schema

RENEW: Final = "python -m sim.cli.llms > .readme/llms.txt"
"""What writes the committed file anew."""

_TOP: Final = Path(__file__).parents[2]
_PAGES: Final = ".readme"
_SUMMARY: Final = f"""\
# Fleet upgrade simulator

> Simulates firmware upgrades of device fleets that run as batch tasks under the rules of Huawei Cloud IoTDA:
> how long until 99 % are upgraded, what limits it, which retry policy and how much capacity it takes.

A scenario is a YAML file with fleet, platform, failures, campaign and operators. `{PROGRAM} validate FILE`
names every fault with line, column and what is allowed; `{PROGRAM} run FILE` simulates. With `--json` every
command prints one JSON document, errors too, whose schema `{PROGRAM} schema --of COMMAND` prints;
`{PROGRAM} schema` prints that of scenarios. `{PROGRAM} mcp` serves {", ".join(TOOLS)} as tools.
In Python: `import sim; result = sim.run("scenarios/quickstart.yaml", seed=1)`.

- Quantities are a number and a unit: `90 s`, `2 h 30 min`, `12 MiB`, `8 Mbit/s`, `100 /s`, `3 %`.
- In documents times are seconds, sizes bytes, rates bytes/s, shares 0 to 1.
- Equal seeds give equal runs; replication r has the same draws in every variant, so differences are paired.
"""


def llms_text() -> str:
    """Return the file."""
    sections = {
        "Commands": _commands(),
        "Exit codes": (f"- {int(code)}: {text}" for code, text in EXIT_CODES.items()),
        "JSON documents": _documents(),
        "Scenario files": _scenario(),
        "Metrics": (f"- `{metric.name}` ({metric.kind}): {metric.label}" for metric in METRICS.values()),
        "Pages": _pages(),
        "Examples": _examples(),
    }
    parts = [f"## {title}\n\n" + "".join(f"{line}\n" for line in lines) for title, lines in sections.items()]
    return "\n".join([_SUMMARY, *parts])


def _commands() -> Iterator[str]:
    """Yield a line a command."""
    for name, text in COMMANDS.items():
        yield f"- [{PROGRAM} {name}](commands.md#{PROGRAM}-{name}): {text}"


def _documents() -> Iterator[str]:
    """Yield a line a document: its keys."""
    for name, document in DOCUMENTS.items():
        about = (document.__doc__ or "").strip()
        yield f"- `{name}`: {about} Keys: {', '.join(document.model_fields)}."


def _scenario() -> Iterator[str]:
    """Yield a line a section of scenario files: what it is, and its keys."""
    schema = scenario_schema()
    for name, field in schema["properties"].items():
        part = schema["$defs"].get(field.get("$ref", "").rpartition("/")[2], {})
        about = field.get("description") or part.get("description", "")
        keys = ", ".join(part.get("properties", ()))
        yield f"- [{name}](scenario.md#{name}): {about}{f' Keys: {keys}.' if keys else ''}"


def _pages() -> Iterator[str]:
    """Yield a line a page: its title."""
    for path in sorted((_TOP / _PAGES).glob("*.md")):
        yield f"- [{_first(r'# (.+)', path)}]({path.name})"


def _examples() -> Iterator[str]:
    """Yield a line a scenario that comes along: what it is about."""
    for path in sorted((_TOP / "scenarios").glob("*.yaml")):
        about = _first("description: (.+)", path).strip('"')
        yield f"- [{path.stem}](../scenarios/{path.name}): {about}"


def _first(pattern: str, path: Path) -> str:
    """Return what the first line of a form holds.

    Args:
        pattern: The form of the whole line, with one group.
        path: A file that has such a line.
    """
    found = re.search(rf"^{pattern}$", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert found is not None, f"{path.name} has no line like {pattern!r}"
    return found[1]


if __name__ == "__main__":
    click.echo(llms_text(), nl=False)
