"""The answer of `sim.run`: numbers at once, frames and figures when somebody asks for them."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from sim.results.display.format import counted
from sim.results.display.headline import run_headline
from sim.results.display.html import result_html
from sim.results.display.summary import summary_dict
from sim.results.display.text import summary_text
from sim.results.figures import overview
from sim.results.figures.canvas import drawn
from sim.results.files.write import save
from sim.results.run_data import RunData

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    import pandas as pd
    from matplotlib.axes import Axes


class RunResult(RunData):
    """What happened in the replications of one scenario, with its frames, figures and files.

    See `RunData` for the numbers. pandas, Arrow and matplotlib are imported with the first frame or
    figure: a summary needs none of them.
    """

    @property
    def headline(self) -> str:
        """What came of it and what limited it, in two sentences."""
        return run_headline(self)

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
        return self._frame("targets")

    @cached_property
    def attempts(self) -> pd.DataFrame:
        """A row an attempt that ended; empty without `log_attempts`."""
        return self._frame("attempts")

    @cached_property
    def curves(self) -> pd.DataFrame:
        """A row a time and replication: devices by status, downloads, bandwidth (bytes/s)."""
        return self._frame("curves")

    @cached_property
    def recovery(self) -> pd.DataFrame:
        """Steps of the recovery curves: shares recovered and given up by time since first failure."""
        return self._frame("recovery")

    @cached_property
    def calls(self) -> pd.DataFrame:
        """A row a call to the service."""
        return self._frame("calls")

    @cached_property
    def call_targets(self) -> pd.DataFrame:
        """A row a target that a call acted upon or refused."""
        return self._frame("call_targets")

    @cached_property
    def tasks(self) -> pd.DataFrame:
        """A row a batch task."""
        return self._frame("tasks")

    @cached_property
    def waves(self) -> pd.DataFrame:
        """A row a wave of the rollout."""
        return self._frame("waves")

    @cached_property
    def held_up(self) -> pd.DataFrame:
        """A row a part of the fleet (all of it, a cohort, the slowest) and cause: where its time went."""
        return self._frame("held_up")

    def plot_recovery(self, ax: Axes | None = None) -> Axes:
        """Draw the recovery curve.

        Args:
            ax: Where to draw; a new figure if None.

        Returns:
            The axes; their figure is `axes.figure`.
        """
        return drawn(ax, lambda axes: overview.draw_recovery(axes, self.runs))

    def plot_completion(self, ax: Axes | None = None) -> Axes:
        """Draw the fleet by status over time.

        Args:
            ax: Where to draw; a new figure if None.

        Returns:
            The axes.
        """
        return drawn(ax, lambda axes: overview.draw_completion(axes, self.runs))

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
        return save(self, folder, force=force)

    def __str__(self) -> str:
        """Return the summary as the command prints it."""
        return summary_text(self)

    def __repr__(self) -> str:
        """Return one line that tells results apart."""
        share = self.metrics["success_share"]
        success = "" if share is None else f", {share:.1%} succeeded"
        return (
            f"<RunResult {self.scenario.name}: {self.runs[0].metrics['devices']:,} devices, "
            f"{counted(len(self.runs), 'replication')}, seed {self.seed}{success}>"
        )

    def _repr_html_(self) -> str:
        """Return summary and figure for Jupyter."""
        return result_html(self, overview.png_bytes(self, dpi=90))

    def _frame(self, name: str) -> pd.DataFrame:
        """Return a table as a frame; result codes stay whole numbers beside missing ones."""
        import pandas as pd
        import pyarrow as pa

        from sim.results.files.tables import TABLES

        whole = {pa.int16(): pd.Int16Dtype()}
        table = pa.concat_tables(TABLES[name](self))
        frame: pd.DataFrame = table.to_pandas(types_mapper=whole.get)
        return frame
