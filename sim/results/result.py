"""The answer of `sim.run`: numbers at once, frames and figures when somebody asks for them."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from sim.results.digest import combined_digest
from sim.results.display.summary import summary_dict
from sim.results.expectations import Verdict, judge
from sim.results.statistics import Estimate, Metric, estimate

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import Any

    import pandas as pd
    import pyarrow as pa
    from matplotlib.axes import Axes

    from sim.campaign.record import CampaignRun
    from sim.results.replication import Replication
    from sim.scenario import Scenario


class RunResult:
    """What happened in the replications of one scenario.

    Attributes:
        scenario: What was run.
        seed: Key of all draws.
        plane: `compiled` or `simpy`.
        runs: The replications, condensed, in order; at least one.
        wall_s: How long it took, seconds of real time.
    """

    def __init__(
        self,
        scenario: Scenario,
        *,
        seed: int,
        plane: str,
        runs: Sequence[Replication],
        wall_s: float,
    ) -> None:
        """Collect replications.

        Args:
            scenario: What was run.
            seed: Key of all draws.
            plane: `compiled` or `simpy`.
            runs: The replications in order; the first one with its run, which has the device ids.
            wall_s: How long it took, seconds of real time, >= 0.
        """
        assert runs, "a result has at least one replication"
        self.scenario = scenario
        self.seed = seed
        self.plane = plane
        self.runs = tuple(runs)
        self.wall_s = wall_s

    @cached_property
    def digest(self) -> str:
        """SHA-256 over all per-target records; equal digests mean equal runs."""
        return combined_digest([run.digest for run in self.runs])

    @cached_property
    def estimates(self) -> dict[str, Estimate]:
        """Every metric by name: mean, 95 % interval of the mean, one value a replication."""
        names = self.runs[0].metrics
        return {name: estimate(name, [run.metrics[name] for run in self.runs]) for name in names}

    @property
    def metrics(self) -> dict[str, Metric]:
        """Every metric by name, as its mean over the replications; None where it is not defined."""
        return {name: value.mean for name, value in self.estimates.items()}

    @cached_property
    def expectations(self) -> list[Verdict]:
        """What the scenario expects, and whether it came so."""
        return judge(self.scenario.expectations, self.runs)

    @property
    def what_if(self) -> tuple[str, ...]:
        """Extensions beyond the vendor's rules that were in force."""
        return tuple(dict.fromkeys(name for run in self.runs for name in run.what_if))

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences that belong beside the numbers."""
        return tuple(dict.fromkeys(note for run in self.runs for note in run.notes))

    @property
    def kept(self) -> list[CampaignRun]:
        """The runs whose entries by device were kept: the first one, or all if that was asked for."""
        return [run.run for run in self.runs if run.run is not None]

    def summary_dict(self) -> dict[str, Any]:
        """Return the content of `summary.json`."""
        return summary_dict(self)

    @cached_property
    def summary(self) -> pd.DataFrame:
        """A row a metric: metric, mean, low, high (95 % interval of the mean)."""
        import pandas as pd

        rows = [(name, e.mean, e.low, e.high) for name, e in self.estimates.items()]
        frame = pd.DataFrame(rows, columns=["metric", "mean", "low", "high"])
        return frame.astype({"mean": float, "low": float, "high": float})

    @cached_property
    def targets(self) -> pd.DataFrame:
        """A row a device: what became of it. The first replication unless all were kept."""
        from sim.results.files import tables

        return self._frame([tables.targets_table(run) for run in self.kept])

    @cached_property
    def attempts(self) -> pd.DataFrame:
        """A row an attempt that ended; empty without `log_attempts`."""
        from sim.results.files import tables

        return self._frame([tables.attempts_table(run) for run in self.kept])

    @cached_property
    def curves(self) -> pd.DataFrame:
        """A row a time and replication: devices by status, downloads, bandwidth (bytes/s)."""
        from sim.results.files import tables

        return self._frame([tables.curves_table(self.runs)])

    @cached_property
    def recovery(self) -> pd.DataFrame:
        """Steps of the recovery curves: shares recovered and given up by time since first failure."""
        from sim.results.files import tables

        return self._frame([tables.recovery_table(self.runs)])

    @cached_property
    def calls(self) -> pd.DataFrame:
        """A row a call to the service."""
        from sim.results.files import tables

        return self._frame([tables.calls_table(self.runs)])

    @cached_property
    def call_targets(self) -> pd.DataFrame:
        """A row a target that a call acted upon or refused."""
        from sim.results.files import tables

        return self._frame([tables.call_targets_table(self.runs, self.kept[0].names)])

    @cached_property
    def tasks(self) -> pd.DataFrame:
        """A row a batch task."""
        from sim.results.files import tables

        return self._frame([tables.tasks_table(self.runs)])

    @cached_property
    def waves(self) -> pd.DataFrame:
        """A row a wave of the rollout."""
        from sim.results.files import tables

        return self._frame([tables.waves_table(self.runs)])

    def plot_recovery(self, ax: Axes | None = None) -> Axes:
        """Draw the recovery curve.

        Args:
            ax: Where to draw; a new figure if None.

        Returns:
            The axes; their figure is `axes.figure`.
        """
        from sim.results.figures import overview

        axes = overview.new_axes() if ax is None else ax
        overview.draw_recovery(axes, self.runs)
        return axes

    def plot_completion(self, ax: Axes | None = None) -> Axes:
        """Draw the fleet by status over time.

        Args:
            ax: Where to draw; a new figure if None.

        Returns:
            The axes.
        """
        from sim.results.figures import overview

        axes = overview.new_axes() if ax is None else ax
        overview.draw_completion(axes, self.runs)
        return axes

    def save(self, folder: str | Path, *, force: bool = False) -> list[Path]:
        """Write the result files into a folder, all of them or none.

        Args:
            folder: Made if there is none.
            force: Replace earlier results although the folder holds other files or another scenario's.

        Returns:
            The files written.

        Raises:
            ScenarioError: The folder holds something that this would get mixed up with.
            OSError: The folder can't be written.
        """
        from sim.results.files.write import save

        return save(self, folder, force=force)

    def __str__(self) -> str:
        """Return the summary as the command prints it."""
        from sim.results.display.text import summary_text

        return summary_text(self)

    def __repr__(self) -> str:
        """Return one line that tells results apart."""
        count = len(self.runs)
        share = self.metrics["success_share"]
        success = "" if share is None else f", {share:.1%} succeeded"
        return (
            f"<RunResult {self.scenario.name}: {self.runs[0].metrics['devices']:,} devices, "
            f"{count} replication{'s' if count > 1 else ''}, seed {self.seed}{success}>"
        )

    def _repr_html_(self) -> str:
        """Return summary and figure for Jupyter."""
        from sim.results.display.html import result_html

        return result_html(self)

    @staticmethod
    def _frame(parts: list[pa.Table]) -> pd.DataFrame:
        """Return Arrow tables as one frame; result codes stay whole numbers beside missing ones."""
        import pandas as pd
        import pyarrow as pa

        whole = {pa.int16(): pd.Int16Dtype()}
        frame: pd.DataFrame = pa.concat_tables(parts).to_pandas(types_mapper=whole.get)
        return frame
