"""A copy of a recording to be handed on: pseudonyms in place of device ids."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any, Final

from sim.atomic_files import write_whole
from sim.errors import Problem, ScenarioError
from sim.recording.pseudonyms import Pseudonyms
from sim.recording.readers.device_list import NAME
from sim.recording.readers.noted_calls import targets_of
from sim.recording.recording_files import ABOUT, COLUMNS, TASKS, compact, read_document, read_rows
from sim.spreadsheet import Table, open_table, positions

KEPT_COLUMNS: Final = (
    "cohort",
    "product_id",
    "status",
    "fw_version",
    "sw_version",
    "connection_status_update_time",
    "read_at",
)
"""Columns of a list of devices that name nobody; others are left out."""


def copy_with_pseudonyms(folder: Path, to: Path, names: Pseudonyms) -> dict[str, int]:
    """Copy a recording, with names made by a keyed hash in place of device ids.

    The copy has the same stays, counts, calls and list of devices. Columns of the list other than
    `KEPT_COLUMNS` are left out, and so are answers to calls but for their status. Texts of failures stay.

    Args:
        folder: The recording; nobody writes into it.
        to: Where the copy goes; no such folder, or an empty one.
        names: What makes the names.

    Returns:
        Rows by table.

    Raises:
        ScenarioError: There is no recording, or something is in the way.
        OSError: The disk takes no more.
    """
    about = read_document(folder, ABOUT)
    if to.exists() and any(to.iterdir()):
        raise ScenarioError([Problem("", "is not empty; give another folder", file=str(to))])
    to.mkdir(parents=True, exist_ok=True)
    for table in COLUMNS:
        rows = read_rows(folder, table)
        lines = (json.dumps(_hidden(row, names), ensure_ascii=False) + "\n" for row in rows.dicts())
        if len(rows):
            write_whole(to / f"{table}.jsonl", "".join(lines))
    if (folder / TASKS).exists():
        write_whole(to / TASKS, json.dumps(read_document(folder, TASKS), indent=1, ensure_ascii=False) + "\n")
    if (folder / NAME).exists():
        write_whole(to / NAME, _list_of_devices(folder / NAME, names))
    write_whole(to / ABOUT, json.dumps({**about, "pseudonyms": True}, indent=1, ensure_ascii=False) + "\n")
    return compact(to)


def _hidden(row: dict[str, Any], names: Pseudonyms) -> dict[str, Any]:
    """Return a row of a recording that names no device."""
    if "device_id" in row:
        row["device_id"] = names(row["device_id"])
    if "targets" in row:
        named = targets_of(row["targets"] or "")
        row["targets"] = None if named is None else json.dumps([names(target) for target in named])
        status = (row["answer"] or "").lstrip()[:3]
        row["answer"] = status if status.isdecimal() else None
    return row


def _list_of_devices(path: Path, names: Pseudonyms) -> str:
    """Return a list of devices that names none of them."""
    text = io.StringIO()
    try:
        with open_table(path) as file:
            table = Table(file, ("device_id", *KEPT_COLUMNS))
            found = {name: positions(table.header, name) for name in ("device_id", *KEPT_COLUMNS)}
            places = {name: i[0] for name, i in found.items() if i}
            if "device_id" not in places:
                raise ScenarioError([Problem("device_id", "the header has no such column", file=str(path))])
            writer = csv.writer(text, lineterminator="\n")
            writer.writerow(places)
            for _, row in table.rows():
                cells = [row[i].strip() if i < len(row) else "" for i in places.values()]
                if cells[0]:
                    writer.writerow([names(cells[0]), *cells[1:]])
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ScenarioError([Problem("", f"can't be read: {error}", file=str(path))]) from None
    return text.getvalue()
