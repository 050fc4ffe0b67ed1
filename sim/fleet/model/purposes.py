"""What each random number is for: its place among those of a device and of an attempt.

Part of every stored digest: extend it at its end, never reorder it. It stands apart from the draws
themselves (`sim.fleet.model.draws`), which load the compiler.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from sim.rules.stages import Stage

# Purposes of attempt 0 (once a device): purpose = 4 * block + word.
D_CURRENT: Final = 0
D_COVERAGE: Final = 1
D_SPREAD: Final = 2
D_ROLLOUT: Final = 3
D_PERMANENT: Final = 4  # + index of the cause within its cohort

# Purposes of attempts 1, 2, ...
P_ONLINE: Final = 0  # it and the next one are no longer drawn: links are timelines
P_OFFLINE_TIME: Final = 1
P_QUERY_TIME: Final = 2
P_QUERY_CAUSE: Final = 3
P_DOWNLOAD_CAUSE: Final = 4
P_FRACTION: Final = 5
P_VERIFY_TIME: Final = 6
P_VERIFY_CAUSE: Final = 7
P_INSTALL_TIME: Final = 8
P_INSTALL_CAUSE: Final = 9
P_REBOOT_TIME: Final = 10
P_REBOOT_CAUSE: Final = 11
P_COVERAGE_TIME: Final = 12
P_COVERAGE_CAUSE: Final = 13
P_CONTACT_CAUSE: Final = 14
P_OUTAGE_RISK: Final = 15
P_JITTER: Final = 16
P_BREAK: Final = 20  # + index of the cause within its cohort


class StagePurposes(NamedTuple):
    """What a stage draws in each attempt.

    Attributes:
        time: Purpose of its time; None if it has none of this kind.
        cause: Purpose of why it fails.
    """

    time: int | None
    cause: int


STAGE_PURPOSES: Final = {
    Stage.CONTACT: StagePurposes(None, P_CONTACT_CAUSE),
    Stage.QUERY: StagePurposes(P_QUERY_TIME, P_QUERY_CAUSE),
    Stage.COVERAGE: StagePurposes(P_COVERAGE_TIME, P_COVERAGE_CAUSE),
    Stage.DOWNLOAD: StagePurposes(None, P_DOWNLOAD_CAUSE),
    Stage.VERIFY: StagePurposes(P_VERIFY_TIME, P_VERIFY_CAUSE),
    Stage.INSTALL: StagePurposes(P_INSTALL_TIME, P_INSTALL_CAUSE),
    Stage.REBOOT: StagePurposes(P_REBOOT_TIME, P_REBOOT_CAUSE),
}
"""The one table of what stages draw; whatever draws for stages reads it."""

LAST_OF_STAGES: Final = max(max(of.time or 0, of.cause) for of in STAGE_PURPOSES.values())
"""The last purpose that a stage needs."""

LAST_OF_ATTEMPT: Final = max(P_OUTAGE_RISK, P_JITTER, LAST_OF_STAGES)
"""The last purpose of attempts 1, 2, ... where nothing breaks by rate or by bytes."""

BLOCK_WORDS: Final = 4
