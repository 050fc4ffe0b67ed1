"""What became of each device of one replication, wherever the replication is: in memory or in files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sim.campaign.record import CampaignRun
    from sim.fleet.protocol import TargetRecords
    from sim.fleet.spec import Int16s


@dataclass(frozen=True, eq=False)
class FleetRecords:
    """What became of each device of one replication.

    Attributes:
        records: A device a row.
        cohort: (n,) int16, cohort of each device.
        cohort_names: Names by cohort index.
        end_s: When the run ended, seconds.
    """

    records: TargetRecords
    cohort: Int16s
    cohort_names: tuple[str, ...]
    end_s: float


def fleet_records(run: CampaignRun) -> FleetRecords:
    """Return the devices of a run in memory.

    Args:
        run: The run. Read only.
    """
    return FleetRecords(run.records, run.spec.cohort, run.names.cohort_names, run.end_s)
