"""What README and docs name exists: commands, options, paths, modules, fields, metrics, files, links."""

import importlib
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import click
import pytest

from sim.cli import llms, manual, reference
from sim.cli.documents.schemas import DOCUMENTS
from sim.cli.group import COMMANDS
from sim.results.files.write import FILES
from sim.scenario import METRICS, parse_scenario, scenario_schema
from sim.study.engine.kinds import KINDS
from sim.testing import plugin
from support.pages import FENCED, PAGES, ROOT

FOLDERS = ("scenarios", "sim", "notebooks", "tests", ".readme", ".ci")

over_pages = pytest.mark.parametrize("page", PAGES)


@cache
def text_of(page: str) -> str:
    """Return the text of a page."""
    return PAGES[page].read_text(encoding="utf-8")


@cache
def spans_of(page: str) -> tuple[str, ...]:
    """Return what stands in backquotes within paragraphs and tables."""
    prose = FENCED.sub("", text_of(page))
    return tuple(span.replace("\\|", "|") for span in re.findall(r"`([^`\n]+)`", prose))


@cache
def lines_of_code(page: str) -> tuple[str, ...]:
    """Return the lines of fenced blocks, and the spans."""
    blocks = [text for _, text in FENCED.findall(text_of(page))]
    return (*(line for block in blocks for line in block.splitlines()), *spans_of(page))


@cache
def options_of(*words: str) -> frozenset[str] | None:
    """Return the options of a command, given by its words; None if there is none."""
    if words[0] not in COMMANDS:
        return None
    command = importlib.import_module(f"sim.cli.{words[0]}").command
    for word in words[1:]:
        if not isinstance(command, click.Group) or word not in command.commands:
            break
        command = command.commands[word]
    names = (name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts))
    return frozenset({*names, "--help", "-h"})


@cache
def field_paths() -> frozenset[str]:
    """Return the path of every field of a scenario, lists without brackets."""
    schema = scenario_schema()
    parts = schema["$defs"]

    def walk(node: Any, path: str) -> Iterator[str]:
        if isinstance(node, list):
            for item in node:
                yield from walk(item, path)
        if not isinstance(node, dict):
            return
        if "$ref" in node:
            yield from walk(parts[node["$ref"].rpartition("/")[2]], path)
        for name, field in node.get("properties", {}).items():
            yield f"{path}.{name}"
            yield from walk(field, f"{path}.{name}")
        for key in ("anyOf", "items", "prefixItems"):
            yield from walk(node.get(key), path)

    return frozenset(walk(schema, ""))


@cache
def words_in_the_code() -> frozenset[str]:
    """Return every word that the package, its schema, the SDK's fields or the tests' set-up use."""
    sources = [*ROOT.glob("sim/**/*.py"), *ROOT.glob("sim/**/*.j2"), *ROOT.glob("scenarios/*.yaml")]
    text = "\n".join(path.read_text(encoding="utf-8") for path in (*sources, ROOT / "pyproject.toml"))
    files = (path.stem for folder in ("tests", "scenarios") for path in (ROOT / folder).rglob("*.*"))
    return frozenset({*re.findall(r"\w+", text), *files})


@over_pages
def test_docs__commands_and_their_options_exist(page):
    """`fleetsim COMMAND --option`, wherever it stands as code, is a command with this option."""
    wrong = []
    for line in lines_of_code(page):
        for call in re.findall(r"(?:fleetsim|python -m sim) ([a-z].*)", line):
            words = re.findall(r"^[a-z]+(?: [a-z]+)*", call)[0].split()
            known = options_of(*words)
            named = re.findall(r"(?<=[ \[|])--?[a-z][\w-]*", call)
            wrong += [call] if known is None or not known.issuperset(named) else []

    assert wrong == []


@over_pages
def test_docs__options_that_stand_alone_exist(page):
    """An option in backquotes belongs to one of the commands, or to pytest's plugin."""
    known = {option for name in COMMANDS for option in (options_of(name) or ())} | {"--version"}
    known |= options_of("journal", "export") or set()
    known |= set(re.findall(r'"(--[a-z-]+)"', Path(plugin.__file__).read_text(encoding="utf-8")))
    named = {match[0] for span in spans_of(page) if (match := re.match(r"--[a-z][\w-]*", span))}

    assert named - known == set()


@over_pages
def test_docs__paths_exist(page):
    """Every file and folder of the repository that is named is there."""
    folders = "|".join(map(re.escape, FOLDERS))
    named = set(re.findall(rf"(?<![\w/.])(?:{folders})/[\w./-]*[\w/]", text_of(page)))

    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []


@over_pages
def test_docs__modules_and_names_of_the_package_exist(page):
    """`sim.something.name` can be imported."""

    def is_there(dotted: str) -> bool:
        parts = dotted.split(".")
        for n in range(len(parts), 0, -1):
            try:
                found: Any = importlib.import_module(".".join(parts[:n]))
            except ImportError:
                continue
            return all((found := getattr(found, name, None)) is not None for name in parts[n:])
        return False

    named = {match[0] for span in spans_of(page) if (match := re.match(r"sim(?:\.\w+)+", span))}

    assert [name for name in sorted(named) if not is_there(name)] == []


@over_pages
def test_docs__fields_of_scenarios_exist(page):
    """A dotted path that begins with a section of a scenario ends at a field of it."""
    sections = {path.split(".")[-2] for path in field_paths() if path.count(".") > 1}
    wrong = []
    for span in spans_of(page):
        path = re.sub(r"\[\w*\]", "", span.partition("=")[0].removeprefix("--vary ").strip())
        is_path = re.fullmatch(r"[a-z_0-9]+(\.[a-z_0-9]+)+", path)
        if is_path and path.split(".")[0] in sections and not path.endswith((".py", ".yaml", ".parquet")):
            wrong += [span] if not any(f".{known}".endswith(f".{path}") for known in field_paths()) else []

    assert wrong == []


@over_pages
def test_docs__metrics_exist(page):
    """Keys of `expect` in examples, percentiles and metrics by cohort are metrics."""
    blocks = [text for language, text in FENCED.findall(text_of(page)) if language == "yaml"]
    bound = re.compile(r"^\s+([a-z_.0-9-]+): \[?\"[<>w=]", re.MULTILINE)
    named = {key for text in blocks for key in bound.findall(text)}
    named |= {span for span in spans_of(page) if re.fullmatch(r"time_to_\w+(\.\w+)?", span)}
    known = {*METRICS, "time_to_success", "time_to_recovery"}

    assert {name for name in named if re.sub(r"^by_cohort\.[\w-]+\.", "", name) not in known} == set()


@over_pages
def test_docs__expectations_in_examples_are_read(page):
    """An `expect` section in an example is one that a scenario may have."""
    scenario = "fleet: {cohorts: [{name: meter, devices: 1}]}\n"
    scenario += 'campaign: {package: {version: "1", size: 1 B}}\n'
    for language, text in FENCED.findall(text_of(page)):
        if language == "yaml" and text.startswith("expect:"):
            assert parse_scenario(scenario + text).expectations


@over_pages
def test_docs__result_files_exist(page):
    """A table, picture or page that is named is one that some command writes."""
    known = {*FILES, "study.json", "schema.json", "scenario.schema.json"}
    known |= {name for kind in KINDS.values() for name in kind.files}
    named = {span for span in spans_of(page) if re.fullmatch(r"[a-z_]+\.(parquet|json|html)", span)}

    assert named - known == set()


@over_pages
def test_docs__words_with_underscores_are_words_of_the_code(page):
    """A name like `link_rate` that the code doesn't know has been renamed, or was never there."""
    named = {word for span in spans_of(page) for word in re.findall(r"\b[a-z]+(?:_[a-z0-9]+)+\b", span)}

    assert named - words_in_the_code() == set()


@over_pages
def test_docs__links_lead_somewhere(page):
    """Links within the repository name a file, and a heading in it."""
    wrong = []
    for target in re.findall(r"\]\(([^)\s]+)\)", FENCED.sub("", text_of(page))):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        path = (PAGES[page].parent / name) if name else PAGES[page]
        wrong += [target] if not path.exists() or (anchor and anchor not in anchors_in(path)) else []

    assert wrong == []


@cache
def anchors_in(path: Path) -> frozenset[str]:
    """Return the link targets of a page's headings."""
    text = FENCED.sub("", path.read_text(encoding="utf-8"))
    headings = re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE)
    return frozenset(re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings)


GENERATED: dict[str, tuple[Callable[[], str], str]] = {
    ".readme/scenario.md": (reference.scenario_markdown, reference.RENEW),
    ".readme/commands.md": (manual.manual_markdown, manual.RENEW),
    ".readme/llms.txt": (llms.llms_text, llms.RENEW),
}


@pytest.mark.parametrize("page", GENERATED)
def test_docs__generated_pages_are_up_to_date(page):
    """What is committed is what the generator writes now."""
    make, renew = GENERATED[page]

    text = (ROOT / page).read_text(encoding="utf-8")
    assert text == make(), f"{page} is out of date; renew it with: {renew}"


def test_docs__llms_txt_names_what_there_is():
    """Title, summary, lists: every command, document, metric and page is there, and links lead somewhere."""
    text = (ROOT / ".readme" / "llms.txt").read_text(encoding="utf-8")
    names = [*(f"[fleetsim {name}]" for name in COMMANDS), *(f"`{name}`" for name in [*DOCUMENTS, *METRICS])]
    links = {link.partition("#")[0] for link in re.findall(r"\]\(([^)]+)\)", text)}

    assert re.match(r"# .+\n\n> .+", text)
    assert [name for name in names if name not in text] == []
    assert [link for link in links if not (ROOT / ".readme" / link).is_file()] == []
    assert {path.name for path in ROOT.glob(".readme/*.md")} <= links


def test_docs__the_scenario_reference_has_every_field():
    """No field is left out, however deep it lies."""
    sections = re.split(r"^#+ ", text_of(".readme/scenario.md"), flags=re.MULTILINE)
    listed = {name for section in sections for name in re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)}

    assert {path.rpartition(".")[2] for path in field_paths()} <= listed


PLANTED = {
    test_docs__commands_and_their_options_exist: "`fleetsim run x.yaml --fast`",
    test_docs__options_that_stand_alone_exist: "`--fast`",
    test_docs__paths_exist: "see scenarios/none.yaml",
    test_docs__modules_and_names_of_the_package_exist: "`sim.results.nothing`",
    test_docs__fields_of_scenarios_exist: "`platform.places`",
    test_docs__metrics_exist: '```yaml\nexpect:\n  luck: ">= 1"\n```',
    test_docs__result_files_exist: "`devices.parquet`",
    test_docs__words_with_underscores_are_words_of_the_code: "`link_speed_of_light`",
    test_docs__links_lead_somewhere: "[there](.readme/scenario.md#nowhere)",
}


@pytest.mark.parametrize("check", PLANTED)
def test_docs__a_planted_error_is_found(check, tmp_path, monkeypatch):
    """Each of the checks above fails on a page that has what it looks for."""
    path = tmp_path / f"{check.__name__}.md"
    path.write_text(PLANTED[check] + "\n")
    monkeypatch.setitem(PAGES, path.name, path)

    with pytest.raises(AssertionError):
        check(path.name)
