"""The list of devices beside a recording: which cohort each is in."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sim.errors import Problem, ScenarioError
from sim.recording.readers.remarks import Remarks
from sim.spreadsheet import Table, is_blank, no_such_column, open_table, positions

NAME: Final = "devices.csv"
_ID: Final = "device_id"
_COHORT: Final = "cohort"


@dataclass(frozen=True)
class DeviceList:
    """Devices and their cohorts.

    Attributes:
        cohorts: Cohort by the device's name, in the order of the file.
    """

    cohorts: dict[str, str]

    def cohort_of(self, device: str) -> str:
        """Return the cohort of a device; empty if the list does not have it.

        Args:
            device: Its name in the table.
        """
        return self.cohorts.get(device, "")


def read_device_list(
    path: Path, remarks: Remarks, *, cohort_by: str | None = None, rename: Callable[[str], str] = str
) -> DeviceList:
    """Read a list of devices.

    Args:
        path: CSV with a header line, in UTF-8 or UTF-16.
        remarks: Takes down rows that can't be read.
        cohort_by: Column whose value is the cohort; None for `cohort`, which then may be missing.
        rename: From a device's id to its name in the table.

    Raises:
        ScenarioError: It can't be read, or has no such columns.
    """
    cohorts: dict[str, str] = {}
    try:
        with open_table(path) as file:
            table = Table(file, (_ID, cohort_by or _COHORT))
            wanted = [_ID] if cohort_by is None else [_ID, cohort_by]
            missing = [name for name in wanted if not positions(table.header, name)]
            if missing:
                problems = [Problem(n, no_such_column(table.header, n), file=str(path)) for n in missing]
                raise ScenarioError(problems)
            i_id = positions(table.header, _ID)[0]
            i_cohort = next(iter(positions(table.header, cohort_by or _COHORT)), None)
            for line, row in table.rows():
                cells = [cell.strip() for cell in row]
                device = cells[i_id] if i_id < len(cells) else ""
                cohort = cells[i_cohort] if i_cohort is not None and i_cohort < len(cells) else ""
                place = f"{path.name}:{line}"
                if is_blank(row):
                    continue
                if not device:
                    remarks.count("devices without an id, left out", place, left_out=True)
                elif rename(device) in cohorts:
                    remarks.count("devices listed twice, of which the first row counts", place, left_out=True)
                else:
                    cohorts[rename(device)] = cohort
                    if not cohort and i_cohort is not None:
                        remarks.count("devices of which no cohort is listed", place)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ScenarioError([Problem("", f"can't be read: {error}", file=str(path))]) from None
    return DeviceList(cohorts)
