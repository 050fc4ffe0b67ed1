"""Lists of devices as spreadsheets and device registries export them, put to `fleetsim validate`."""

from collections.abc import Callable
from pathlib import Path

import pytest

from sim.cli import main

SCENARIO = """\
name: inventory
fleet:
  inventory: devices.csv
  cohorts:
    - {name: plant}
    - {name: office}
campaign:
  package: {version: "2.0", size: 1 MiB}
run: {until: 1 d}
"""
ROWS = (("SN0001", "plant"), ("SN0002", "plant"), ("SN0003", "office"))
HEADER = ("device_id", "cohort")

Validate = Callable[[bytes], tuple[int, list[str]]]


def table(
    separator: str = ",",
    end: str = "\n",
    header: tuple[str, ...] = HEADER,
    rows: tuple[tuple[str, ...], ...] = ROWS,
) -> str:
    """Return a table as text."""
    return "".join(separator.join(row) + end for row in (header, *rows))


GOOD = {
    "plain": table().encode(),
    "byte order mark, CRLF": table(end="\r\n").encode("utf-8-sig"),
    "other columns, quoted commas, other order": (
        b'site,cohort,"device_id",note\r\n"Berlin, north",plant,SN0001,"line 1\r\nline 2"\r\n'
        b',plant,SN0002,\r\nBonn,office,SN0003,"says ""old"""\r\n'
    ),
    "semicolons": table(";").encode(),
    "semicolons, byte order mark, CRLF": table(";", "\r\n").encode("utf-8-sig"),
    "tabs": table("\t").encode(),
    "sep=; in the first line": b"sep=;\r\n" + table(";", "\r\n").encode(),
    "UTF-16": table("\t", "\r\n").encode("utf-16"),
    "header in other case": table(header=("Device_ID", "Cohort")).encode(),
    "header with spaces": table(header=("device id", "cohort")).encode(),
    "rows of commas at the end": table().encode() + b",\r\n,\r\n",
    "blank lines at the end": table().encode() + b"\n\n  \n",
    "leading zeros": table(rows=(("0001", "plant"), ("1", "plant"), ("2", "office"))).encode(),
}

NOT_QUITE = {
    "repeated id in other case": (
        table(rows=(*ROWS, ("sn0001", "office"))).encode(),
        "devices.csv:5: device_id: 'sn0001' differs from 'SN0001' in line 2 only in case",
    ),
}

BAD = {
    "Latin-1": (
        b"device_id,cohort,note\nSN0001,plant,K\xf6ln\nSN0003,office,\n",
        ["devices.csv:2: is not UTF-8; save the file as UTF-8"],
    ),
    "repeated id": (
        table(rows=(*ROWS, ("SN0001", "office"))).encode(),
        ["devices.csv:5: device_id: 'SN0001' is already in line 2"],
    ),
    "MAC addresses with colons": (
        table(rows=(("00:0a:95:9d:68:16", "plant"), ("SN1", "office"))).encode(),
        ["devices.csv:2: device_id: '00:0a:95:9d:68:16' is no id; 1 to 128 letters, digits, '_' and '-'"],
    ),
    "numbers spoilt by a spreadsheet": (
        table(rows=(("8.64691E+14", "plant"), ("864691000000001", "office"))).encode(),
        ["devices.csv:2: device_id: '8.64691E+14' is what a spreadsheet made of a long number, whose digits"],
    ),
    "a cohort that the scenario doesn't have": (
        table(rows=(*ROWS, ("SN0004", "lab"))).encode(),
        ["devices.csv:5: cohort: unknown cohort 'lab'; allowed: plant, office"],
    ),
    "a column named twice": (
        b"device_id,cohort,device_id\nSN0001,plant,X1\nSN0003,office,X3\n",
        ["devices.csv:1: device_id: the header names it twice, in columns 1 ('device_id') and 3"],
    ),
}


@pytest.fixture
def validate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Validate:
    """Return a function that validates the scenario with a file: exit code, and what was said, by line."""

    def validated(data: bytes) -> tuple[int, list[str]]:
        (tmp_path / "devices.csv").write_bytes(data)
        path = tmp_path / "s.yaml"
        path.write_text(SCENARIO, encoding="utf-8")
        code = main(["validate", str(path)])
        said = capsys.readouterr()
        lines = (said.out + said.err).replace(f"{tmp_path}/", "").splitlines()
        return code, lines

    return validated


@pytest.mark.parametrize("data", GOOD.values(), ids=GOOD)
def test_inventories__that_say_what_they_mean(validate: Validate, data: bytes) -> None:
    """Whatever separates the columns, however they are spelt, and whatever hangs on below: it is read."""
    assert validate(data) == (0, ["s.yaml: ok"])


@pytest.mark.parametrize(("data", "warning"), NOT_QUITE.values(), ids=NOT_QUITE)
def test_inventories__that_may_mean_something_else(validate: Validate, data: bytes, warning: str) -> None:
    """What is allowed, but was probably not meant, is a warning with its line."""
    code, lines = validate(data)
    assert code == 0
    assert [line.partition(", and counts")[0] for line in lines] == ["s.yaml: ok", f"warning: {warning}"]


@pytest.mark.parametrize(("data", "expected"), BAD.values(), ids=BAD)
def test_inventories__that_are_wrong(validate: Validate, data: bytes, expected: list[str]) -> None:
    """What is wrong is said once, with its line."""
    code, lines = validate(data)
    assert (code, len(lines)) == (2, len(expected))
    assert all(line.startswith(beginning) for line, beginning in zip(lines, expected, strict=True))
