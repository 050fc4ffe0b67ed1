"""What was found about what limits a campaign."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import pandas as pd

    from sim.campaign.record import CampaignRun

_LEAST: Final = 0.01
"""A lever that saves a smaller share of the mean time limits nothing."""


@dataclass(frozen=True)
class Eased:
    """One lever pulled.

    Attributes:
        lever: Its name, like `places`.
        text: What was changed, like `8,000 places in Processing instead of 4,000`.
        succeeded: Devices upgraded then.
        mean_s: Mean time until a device is upgraded then; see `sim.explain.campaign`.
        saved_share: What it saves of the mean time, below 0 if it costs some.
    """

    lever: str
    text: str
    succeeded: int
    mean_s: float
    saved_share: float


@dataclass(frozen=True, repr=False)
class LimitsData:
    """What was found about what limits a campaign.

    Attributes:
        run: The campaign as it is.
        succeeded: Devices upgraded in it.
        mean_s: Mean time until a device is upgraded.
        levers: What each lever saves, the best first.
    """

    run: CampaignRun
    succeeded: int
    mean_s: float
    levers: tuple[Eased, ...]

    @cached_property
    def frame(self) -> pd.DataFrame:
        """A row a lever, the best first: what was changed, what it saves, devices upgraded then.

        Columns: lever, text, succeeded, mean_s (mean time until a device is upgraded, seconds), saved_share
        (of that time, 1 is all of it, below 0 if it costs some), saved_s. The first row, `as it is`, is the
        campaign itself.
        """
        import pandas as pd

        own = Eased("as it is", "nothing", self.succeeded, self.mean_s, 0.0)
        frame = pd.DataFrame([asdict(one) for one in (own, *self.levers)])
        return frame.assign(saved_s=self.mean_s - frame["mean_s"])

    @property
    def most(self) -> Eased | None:
        """The lever that helps most; None if none is worth a hundredth of the time."""
        best = self.levers[0] if self.levers else None
        return best if best is not None and best.saved_share >= _LEAST else None
