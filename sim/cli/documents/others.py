"""The documents of commands that make or measure something."""

from __future__ import annotations

from sim.cli.documents.base import Part


class MovedPart(Part):
    """A metric of two results, compared in pairs of replications."""

    metric: str
    """Its name."""
    answer: str
    """`equal`, `equivalent`, `undecided` (luck hides what there may be) or `different`."""
    before: list[float | None]
    """Its values in DIR_A, one a replication."""
    now: list[float | None]
    """Its values in DIR_B."""
    difference: float | None
    """Mean of now - before."""
    low: float | None
    """Lower end of its 99 % interval; null for fewer than two pairs."""
    high: float | None
    """Its upper end."""
    margin: float
    """Difference that would not matter."""


class DiffDocument(Part):
    """Two results, compared."""

    equal: bool
    """Whether nothing at all differs."""
    fine: bool
    """Whether no metric is different, and both have the same ones."""
    pairs: int
    """Replications that were compared."""
    before: str
    """Digest of DIR_A."""
    now: str
    """Digest of DIR_B."""
    same_seed: bool
    """Whether both had the same luck."""
    metrics: list[MovedPart]
    """All metrics; empty if nothing differs."""
    only_before: list[str]
    """Metrics that only DIR_A has."""
    only_now: list[str]
    """Metrics that only DIR_B has."""
    parting: str | None
    """Where the runs part, in words; null if nothing differs."""
    figure: str | None
    """The figure that was drawn."""


class ReportDocument(Part):
    """A report that was written."""

    file: str
    """The file."""


class CompileDocument(Part):
    """Kernels that were compiled ahead."""

    folder: str
    """Where they are kept."""
    compiled: bool
    """Whether anything had to be compiled."""


class MeasurementPart(Part):
    """One thing that was measured."""

    what: str
    """What it is."""
    value: float
    """The number."""
    unit: str
    """Its unit; `x` for a ratio."""


class BenchDocument(Part):
    """What a device costs on this machine."""

    measurements: list[MeasurementPart]
    """What was measured."""
    figure: str | None
    """The figure that was drawn."""


class JournalDocument(Part):
    """What was done with the journal of a served session."""

    action: str
    """`export`, `backup` or `recover`."""
    state: str
    """Folder of the journal."""
    notes: list[str]
    """What must be known about it: what is different from the session, or what was given up."""
    commands: int | None
    """Commands that were copied or kept; null for an export."""
    devices: int | None
    """Devices of the session; null unless exported."""
    devices_alike: int | None
    """Devices that end as they did in the session; null unless exported."""
    scenario: str | None
    """Text of the scenario, if it was not written to a file."""
    files: list[str]
    """Files, or the folder, that were written."""


class ServeDocument(Part):
    """Where a server listens: printed as soon as it does, while it goes on to serve."""

    url: str
    """Beginning of all addresses."""
    scenario: str
    """Name of the scenario."""
    devices: int
    """Devices of the fleet."""
    time: str
    """The simulated time, as the API writes it."""
    clock: str
    """`manual` if it stands until it is moved, or `real`."""
    speed: float
    """Simulated seconds a second while it runs."""
    state: str | None
    """Folder of journal and credentials; null if nothing is kept."""
    asks_for_credentials: bool
    """Whether callers need credentials."""


class FleetScanPart(Part):
    """What a scan of the fleet found."""

    file: str
    """The file with a row a device."""
    status: dict[str, int]
    """Devices by status."""
    products: dict[str, int]
    """Devices by product."""
    sampled: int
    """Offline devices of which it is known since when."""


class RecordDocument(Part):
    """What was recorded of a real campaign."""

    folder: str
    """The recording."""
    tasks: list[str]
    """Ids of the tasks."""
    ended: str
    """`settled` or `limit`; empty if nothing was polled."""
    sweeps: int
    """Looks at all devices that might have changed."""
    failed_sweeps: int
    """Looks that failed; they only widen intervals."""
    calls: int
    """Requests."""
    throttled: int
    """Requests that were answered with 429."""
    failed: int
    """Requests without a usable answer."""
    torn_lines: int
    """Half lines of an earlier recording that were cut off."""
    warnings: list[str]
    """What the reader of the recording should know."""
    rows: dict[str, int]
    """Rows by table, once they are in Parquet."""
    inventory: FleetScanPart | None
    """The fleet, if it was scanned."""
