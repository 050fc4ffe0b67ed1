"""Notes in result files: every column says what it means, and every number in which unit."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import sim
from sim.results import RunResult
from sim.results.files.columns import described, note_of
from sim.results.frames.loaded_result import LoadedResult
from sim.results.frames.result_frames import TABLE_NAMES
from sim.scenario.metrics import METRICS

UNITS = {b"s", b"bytes", b"bytes/s", b"bit/s", b"1"}


def notes_in(schema: pa.Schema) -> dict[str, dict[bytes, bytes]]:
    """Return the metadata of each field."""
    return {field.name: dict(field.metadata or {}) for field in schema}


def is_number(field: pa.Field) -> bool:
    """Tell whether a field holds numbers."""
    return bool(pa.types.is_integer(field.type) or pa.types.is_floating(field.type))


def test_files__every_column_of_a_run_says_what_it_is(folder: Path):
    """Each field has a description, and a unit if it is a number."""
    files = sorted(folder.glob("*.parquet"))

    assert len(files) >= 8
    for file in files:
        schema = pq.read_schema(file)
        notes = notes_in(schema)
        assert all(note_of(file.stem, name) is not None for name in notes), file.name
        assert all(notes[field.name][b"unit"] in UNITS for field in schema if is_number(field)), file.name


@pytest.mark.parametrize("name", TABLE_NAMES)
def test_table__the_notes_are_there_before_and_after(result: RunResult, folder: Path, name):
    """A table in memory and the one that was read back carry the same notes."""
    loaded = sim.load_result(folder)

    assert isinstance(loaded, LoadedResult)
    before, after = (notes_in(each.table(name).schema) for each in (result, loaded))
    assert all(b"description" in note for note in before.values())
    assert after == before or name == "attempts"


def test_table__units_are_those_of_the_values(folder: Path):
    """Times are seconds, sizes bytes, rates bytes or bits a second, counts and shares plain numbers."""
    curves, targets = (pq.read_schema(folder / f"{name}.parquet") for name in ("curves", "targets"))

    assert curves.field("bandwidth").metadata[b"unit"] == b"bytes/s"
    assert curves.field("bandwidth_bps").metadata[b"unit"] == b"bit/s"
    assert targets.field("end_s").metadata[b"unit"] == b"s"
    assert targets.field("bytes").metadata[b"unit"] == b"bytes"
    assert targets.field("attempts").metadata[b"unit"] == b"1"
    assert b"unit" not in targets.field("device_id").metadata
    assert targets.metadata[b"scenario"] == b"small"


@pytest.mark.parametrize("name", METRICS)
def test_note_of__every_metric_has_one(name):
    """A column that is named like a metric has its words and its unit."""
    note = note_of("sweep", name)

    assert note is not None
    assert note.unit is not None
    assert note.unit.encode() in UNITS


def test_note_of__ends_of_intervals_and_differences_are_told_by_their_names():
    """What belongs to a column is named after it, and has its unit."""
    low = note_of("front", "bytes_wasted_vs_advice_low")

    assert low is not None
    assert low.unit == "bytes"
    assert low.description == (
        "lower end of the 95 % interval of: bytes of failed attempts, difference from the advice"
    )
    assert note_of("sweep", "platform.bandwidth") is None


def test_described__keeps_types_and_what_the_file_says(folder: Path):
    """Notes change nothing but the notes."""
    schema = pq.read_schema(folder / "targets.parquet")

    again = described(schema.remove_metadata(), "targets")

    assert again.equals(schema)
    assert notes_in(again) == notes_in(schema)
