"""Reading a file: every way in which it may be no scenario, and what YAML makes of single values."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.errors import ScenarioError
from sim.scenario import load_scenario, parse_scenario
from sim.scenario.source import SIZE_BYTES_MAX, Position, read_file, read_text

Complaints = Callable[[str], list[str]]


def complaint_of_file(path: Path) -> str:
    """Return the only problem of a file, with its folder left out."""
    with pytest.raises(ScenarioError) as caught:
        load_scenario(path)
    (problem,) = caught.value.problems
    return str(problem).replace(f"{path.parent}{os.sep}", "")


def test_load__reads_a_file(tmp_path: Path, base: str) -> None:
    """A file gives the same scenario as its text, and remembers it."""
    path = tmp_path / "x.yaml"
    path.write_text(base, encoding="utf-8")
    scenario = load_scenario(str(path))
    assert (scenario.digest, scenario.source_text) == (parse_scenario(base).digest, base)
    assert (scenario.source.name, scenario.source.folder) == (str(path), tmp_path)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "x.yaml:1:1: is empty; a scenario needs at least 'fleet' and 'campaign'"),
        (b"# only words\n", "x.yaml:1:1: is empty; a scenario needs at least 'fleet' and 'campaign'"),
        (
            b"\x7fELF\x02\x01\0\0",
            "x.yaml: is not a text file (it holds zero bytes); a scenario is YAML in UTF-8",
        ),
        (
            b"name: a\nfleet: M\xfcnchen\n",
            "x.yaml:2:9: is not UTF-8: byte 0xfc can't stand here; save the file as UTF-8",
        ),
        (b"- 1\n", "x.yaml:1:1: a scenario must be a mapping with the keys fleet, campaign, ..."),
        (b"just text\n", "x.yaml:1:1: a scenario must be a mapping with the keys fleet, campaign, ..."),
        (b"fleet:\n\tcohorts: 1\n", "x.yaml:2:1: a tab can't indent YAML; use spaces"),
        (b"a:\n  - b\n  \t- c\n", "x.yaml:3:3: a tab can't indent YAML; use spaces"),
        (
            b"a:\tb\n",
            (
                "x.yaml:1:3: is not YAML: while scanning for the next token, found character '\\t' that "
                "cannot start any token; a tab can't stand here; use spaces"
            ),
        ),
        (
            b"a: 1\nexpect: >= 98 %\n",
            (
                "x.yaml:2:10: is not YAML: while scanning a block scalar, expected chomping or indentation "
                "indicators, but found '='; text that begins with '>' or '|' must be quoted, like \">= 98 %\""
            ),
        ),
        (
            b"a: %x\n",
            (
                "x.yaml:1:4: is not YAML: while scanning for the next token, found character '%' that cannot "
                "start any token; text that begins so must be quoted"
            ),
        ),
        (
            b"a: b: c\n",
            (
                "x.yaml:1:5: is not YAML: mapping values are not allowed here; a ': ' inside a text needs "
                "quotes, or the indentation is wrong"
            ),
        ),
        (
            b"a: *x\n",
            "x.yaml:1:4: is not YAML: found undefined alias 'x'; text that begins with '*' must be quoted",
        ),
        (
            b"a: 1\n--- \nb: 1\n",
            (
                "x.yaml:2:1: is not YAML: expected a single document in the stream, but found another "
                "document; a scenario file holds one document"
            ),
        ),
        (
            b"a: 'x\n",
            (
                "x.yaml:2:1: is not YAML: while scanning a quoted scalar, found unexpected end of stream; "
                "a quote is not closed"
            ),
        ),
        (b"a: \x07\n", "x.yaml:1:4: the character '\\x07' is not allowed in YAML"),
        (b"[" * 2000, "x.yaml: is nested too deeply"),
        (b"!foo x\n", "x.yaml:1:1: tags like '!foo' are not allowed"),
    ],
)
def test_load__refuses_content(tmp_path: Path, content: bytes, expected: str) -> None:
    """A file that is no scenario at all gives one problem, with the position if there is one."""
    path = tmp_path / "x.yaml"
    path.write_bytes(content)
    assert complaint_of_file(path) == expected


def test_load__refuses_what_is_no_file(tmp_path: Path) -> None:
    """A missing file, a folder and an impossible name give a message, not a traceback."""
    assert complaint_of_file(tmp_path / "none.yaml") == "none.yaml: there is no such file"
    folder = tmp_path / "folder.yaml"
    folder.mkdir()
    assert complaint_of_file(folder) == "folder.yaml: is a folder, not a scenario file"
    assert complaint_of_file(tmp_path / "a\0b") == "a\0b: can't be read: embedded null byte"


def test_load__refuses_a_huge_file(tmp_path: Path) -> None:
    """A file of many megabytes is refused before it is parsed."""
    path = tmp_path / "x.yaml"
    path.write_bytes(b"#" * (SIZE_BYTES_MAX + 1))
    assert complaint_of_file(path) == "x.yaml: is larger than 16 MiB, so it is no scenario file"


def test_load__accepts_a_byte_order_mark(tmp_path: Path, base: str) -> None:
    """The mark that some editors write at the beginning of a file is no part of the text."""
    path = tmp_path / "x.yaml"
    path.write_text(base, encoding="utf-8-sig")
    assert load_scenario(path).digest == parse_scenario(base).digest


def test_read__finds_every_duplicate(base: str, complaints: Complaints) -> None:
    """Every key that is given twice is reported where it comes the second time."""
    text = base.replace("protocol: mqtt", "protocol: mqtt, name: c, devices: 5")
    assert complaints(text + "fleet: {}\n") == [
        "x.yaml:3:48: fleet.cohorts[0].name: is given twice, first in line 3",
        "x.yaml:3:57: fleet.cohorts[0].devices: is given twice, first in line 3",
        "x.yaml:7:1: fleet: is given twice, first in line 1",
    ]


def test_read__keys_must_be_words(base: str, complaints: Complaints) -> None:
    """A list as a key is reported; a number as a key is just an unknown key."""
    assert complaints(base + "? [1, 2]\n: 3\n") == ["x.yaml:7:3: a key must be a word, not a list or mapping"]
    (complaint,) = complaints(base + "1: 2\n")
    assert complaint.startswith("x.yaml:7:1: 1: unknown key '1'; allowed: name, ")


def test_read__tags_are_refused(base: str, complaints: Complaints) -> None:
    """No tag makes anything but plain values."""
    assert complaints(base + "description: !!python/object:os.system x\n") == [
        "x.yaml:7:14: description: tags like 'tag:yaml.org,2002:python/object:os.system' are not allowed",
        "x.yaml:7:14: description: nothing is no text",
    ]
    assert complaints(base + "run: !!omap {}\nfailures: !x []\n") == [
        "x.yaml:7:6: run: tags like 'tag:yaml.org,2002:omap' are not allowed",
        "x.yaml:8:11: failures: tags like '!x' are not allowed",
    ]


def test_read__alias_inside_itself(complaints: Complaints) -> None:
    """A value that holds itself is reported instead of followed for ever."""
    assert "x.yaml:1:8: fleet[0]: an alias must not stand inside what it stands for" in complaints(
        "fleet: &a [*a]\n"
    )


def test_read__aliases_can_not_blow_up(complaints: Complaints) -> None:
    """Ten lines of aliases of aliases are refused before they become a billion values."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 10)]
    assert complaints("\n".join(lines)) == ["x.yaml: holds more than 200000 values"]


def test_read__merge_keys() -> None:
    """`<<` brings in what is not given; a list of mappings works, and the first one wins."""
    text = "x: &x {a: 1, b: 2}\ny: &y {b: 3, c: 4}\nz: {<<: [*x, *y], a: 0}\nv: {<<: *y}\n"
    data = read_text(text, "x.yaml", Path()).data
    assert data["z"] == {"a": 0, "b": 2, "c": 4}
    assert data["v"] == {"b": 3, "c": 4}


def test_read__merge_key_of_something_else(base: str, complaints: Complaints) -> None:
    """`<<` takes mappings only."""
    assert complaints(base + "run: {<<: 5}\n") == [
        "x.yaml:7:11: run: '<<' takes a mapping, or a list of mappings"
    ]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("yes", "yes"),
        ("22:00", "22:00"),
        ("2026-01-05T20:00:00Z", "2026-01-05T20:00:00Z"),
        ("1e6", 1e6),
        ("010", 10),
        ("0x10", 16),
        ("0o17", 15),
        ("1_000", 1000),
        ("-.inf", float("-inf")),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("'5'", "5"),
        ("!!str 5", "5"),
        ("=", "="),
        ("9" * 5000, "9" * 5000),
    ],
)
def test_read__single_values(text: str, value: object) -> None:
    """Values have the types of YAML 1.2, and are plain Python objects."""
    read = read_text(f"a: {text}\n", "x.yaml", Path()).data["a"]
    assert (read, type(read)) == (value, type(value))


def test_read__positions(base: str) -> None:
    """Keys and values have their line and column, in flow and in block style."""
    spans = read_text(base, "x.yaml", Path()).spans
    assert spans[("fleet", "cohorts", 1, "devices")] == (Position(4, 17), Position(4, 26), True)
    assert spans[("fleet", "cohorts", 1)] == (Position(4, 7), Position(4, 7), False)
    assert spans[("campaign",)] == (Position(5, 1), Position(6, 3), False)


def test_read__position_of_nothing(complaints: Complaints) -> None:
    """A key without a value is reported at the key, not at what comes next."""
    keys = "task_type, package, task_policy, need_confirm, order, waves, manual_retry_refills, limits"
    assert complaints("fleet:\n\n\ncampaign:\n") == [
        "x.yaml:1:1: fleet: is empty; it must be a mapping with the keys cohorts, inventory, sites",
        f"x.yaml:4:1: campaign: is empty; it must be a mapping with the keys {keys}, what_if",
    ]


@given(content=st.binary(max_size=200))
def test_load__answers_any_bytes(content: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No file content raises anything but ScenarioError."""
    path = tmp_path_factory.mktemp("bytes") / "x.yaml"
    path.write_bytes(content)
    with pytest.raises(ScenarioError):
        load_scenario(path)


YAML_LIKE = st.text(alphabet="ab:-[]{}&*!|>'\"%#?, \n\t01.", max_size=60)


@given(text=YAML_LIKE)
def test_parse__answers_any_text(text: str) -> None:
    """No text raises anything but ScenarioError, however YAML reads it."""
    with pytest.raises(ScenarioError):
        parse_scenario(text)


def test_read_file__is_relative_to_its_folder(tmp_path: Path) -> None:
    """Names of other files begin at the folder of the scenario."""
    (tmp_path / "x.yaml").write_text("a: 1\n", encoding="utf-8")
    assert read_file(tmp_path / "x.yaml").folder == tmp_path
