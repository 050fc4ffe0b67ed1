"""Looks at the whole fleet before a campaign: who is online, since when others are not, what runs on them.

That tells how devices are in contact without any campaign. The list has everybody; since when a device is
offline has to be asked for one by one, which a sample is enough for.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sim.atomic_files import write_whole
from sim.recording.poll_clock import iso
from sim.recording.reading_api import GoneError, ReadingApi, keyed_share

FILE_NAME: Final = "devices.csv"
SAMPLE_MAX: Final = 1_000
"""Offline devices that are asked for since when."""

_FIELDS: Final = ("product_id", "node_id", "status", "fw_version", "sw_version")
_SINCE: Final = "connection_status_update_time"
_OFFLINE: Final = "OFFLINE"


@dataclass(frozen=True)
class FleetScan:
    """What a scan of the fleet found.

    Attributes:
        path: The file with a row a device.
        by_status: Devices by status.
        by_product: Devices by product.
        n_sampled: Offline devices of which it is known since when.
    """

    path: Path
    by_status: dict[str, int]
    by_product: dict[str, int]
    n_sampled: int


def scan_fleet(api: ReadingApi, folder: Path, *, sample: int = SAMPLE_MAX) -> FleetScan:
    """Read all devices and write them into a recording as `devices.csv`.

    Its columns are `device_id`, `cohort` (the product), `product_id`, `node_id`, `status`, `fw_version`,
    `sw_version`, `connection_status_update_time` (of the sample only) and `read_at`, UTC.

    Args:
        api: Reads.
        folder: The recording, which exists.
        sample: Offline devices that are asked for since when they are, at most.

    Raises:
        RecordingError: The service does not answer; an earlier file stays.
        OSError: It can't be written.
    """
    rows: dict[str, dict[str, Any]] = {}
    for device, when in api.list_devices():
        values = {name: str(device.get(name) or "") for name in _FIELDS}
        device_id = str(device["device_id"])
        rows[device_id] = {
            "device_id": device_id,
            "cohort": values["product_id"],
            **values,
            _SINCE: "",
            "read_at": iso(when.latest_ms),
        }
    offline = [device_id for device_id, row in rows.items() if row["status"] == _OFFLINE]
    chosen = sorted(offline, key=lambda device_id: keyed_share("offline", device_id))[:sample]
    for device_id in chosen:
        try:
            device, when = api.show_device(device_id)
        except GoneError:  # removed since it was listed
            continue
        rows[device_id]["status"] = str(device.get("status") or "")
        rows[device_id][_SINCE] = str(device.get(_SINCE) or "")
        rows[device_id]["read_at"] = iso(when.latest_ms)
    write_whole(folder / FILE_NAME, _csv(list(rows.values())))
    return FleetScan(
        folder / FILE_NAME,
        _tally(rows, "status"),
        _tally(rows, "product_id"),
        sum(bool(row[_SINCE]) for row in rows.values()),
    )


def _csv(rows: list[dict[str, Any]]) -> str:
    """Return rows as the text of a CSV file."""
    text = io.StringIO()
    writer = csv.DictWriter(text, ["device_id", "cohort", *_FIELDS, _SINCE, "read_at"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _tally(rows: dict[str, dict[str, Any]], column: str) -> dict[str, int]:
    """Return how many rows have each value of a column, the most frequent first."""
    counts: dict[str, int] = {}
    for row in rows.values():
        counts[row[column]] = counts.get(row[column], 0) + 1
    return dict(sorted(counts.items(), key=lambda item: -item[1]))
