"""The frames and figures that every result has, in memory or read back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np

from sim.errors import Problem, ScenarioError
from sim.fleet.spec import TICKS_PER_S
from sim.results.display.html import result_html
from sim.results.figures import overview
from sim.results.figures.canvas import drawn
from sim.results.frames.bit_rates import with_bps, with_bps_rows
from sim.results.frames.times import Times, check_times, length_s, times_of, with_times
from sim.rules import SubtaskState
from sim.scenario.arguments import known_keywords
from sim.scenario.suggest import unknown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    import pyarrow as pa
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from sim.fleet.spec import Floats, Int64s
    from sim.results.expectations import Verdict
    from sim.results.replication import DrawnRun
    from sim.results.statistics import Estimate, Metric
    from sim.scenario import Scenario

TABLE_NAMES: Final = (
    "targets",
    "attempts",
    "curves",
    "steps",
    "recovery",
    "calls",
    "call_targets",
    "tasks",
    "waves",
    "held_up",
)
"""Tables of a result; each is an attribute too, in seconds."""

_GRID_MAX: Final = 1_000_000
_STATES: Final = tuple(state for state in SubtaskState if state is not SubtaskState.REMOVED)


class ResultFrames(ABC):
    """A result as pandas frames and as figures.

    Times are seconds since the start of the run, sizes bytes, shares 0..1; rates are bytes/s and, in columns
    and rows that end in `_bps`, bit/s as in figures. `frame` says times otherwise. pandas, Arrow and
    matplotlib are imported with the first frame or figure.

    Attributes:
        scenario: What was run.
        seed: Key of all draws.
        runs: The replications, in order.
    """

    seed: int

    if TYPE_CHECKING:  # attributes of a result in memory, read at their first use in one from a folder

        @property
        def scenario(self) -> Scenario:
            """What was run."""

        @property
        def runs(self) -> Sequence[DrawnRun]:
            """The replications, in order."""

    @property
    @abstractmethod
    def headline(self) -> str:
        """What came of it and what limited it, in two sentences."""

    @property
    @abstractmethod
    def estimates(self) -> Mapping[str, Estimate]:
        """Every metric by name: mean, 95 % interval of the mean, one value a replication."""

    @property
    @abstractmethod
    def metrics(self) -> Mapping[str, Metric]:
        """Every metric by name, as its mean over the replications; None where it is not defined."""

    @property
    @abstractmethod
    def expectations(self) -> Sequence[Verdict]:
        """What the scenario expects, and whether it came so."""

    @property
    @abstractmethod
    def what_if(self) -> Sequence[str]:
        """Extensions beyond the vendor's rules that were in force."""

    @property
    @abstractmethod
    def notes(self) -> Sequence[str]:
        """Sentences that belong beside the numbers."""

    @abstractmethod
    def cohort_means(self) -> Mapping[str, Mapping[str, Metric]]:
        """Return the mean of each cohort's metrics."""

    @abstractmethod
    def table(self, name: str) -> pa.Table:
        """Return one of the tables as Arrow.

        Args:
            name: One of `TABLE_NAMES`.
        """

    @cached_property
    def summary(self) -> pd.DataFrame:
        """A row a metric, which is the index: mean, low, high (95 % interval of the mean).

        Example: `result.summary.loc["makespan", "mean"]`, seconds.
        """
        import pandas as pd

        rows = [(name, e.mean, e.low, e.high) for name, e in self.estimates.items()]
        frame = pd.DataFrame(rows, columns=["metric", "mean", "low", "high"]).set_index("metric")
        return with_bps_rows(frame.astype(float))

    @cached_property
    def by_cohort(self) -> pd.DataFrame:
        """A row a cohort, which is the index, a column a metric: means over the replications."""
        import pandas as pd

        means = self.cohort_means()
        index = pd.Index(list(means), name="cohort")
        return pd.DataFrame(list(means.values()), index=index, dtype=float)

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
        """A row a time and replication: devices by status, downloads, bandwidth in bytes/s and bit/s."""
        return self._frame("curves")

    @cached_property
    def steps(self) -> pd.DataFrame:
        """A row a time at which something happens, and replication: devices by status from then on."""
        return self._frame("steps")

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

    @known_keywords()
    def frame(self, name: str, *, times: Times = "timedelta") -> pd.DataFrame:
        """Return one of the frames with durations or dates instead of seconds.

        Args:
            name: One of `TABLE_NAMES`, like `targets`.
            times: `timedelta`: time since the start; `dates`: date and time in UTC by the scenario's
                `run.start`; `seconds` as in the attribute of that name. Lengths of time never become dates.

        Returns:
            The frame; columns that end in `_s` have lost that ending unless they say seconds.

        Raises:
            ScenarioError: There is no such frame, or no such way to say times.

        Example: `result.frame("targets", times="dates")["end"].max()`.
        """
        check_times(times)
        if name not in TABLE_NAMES:
            raise ScenarioError([Problem("name", unknown("frame", str(name), TABLE_NAMES))])
        return with_times(getattr(self, name), name, times, self.scenario.run.start)

    @known_keywords()
    def curves_at(
        self,
        freq: str | float | timedelta = "1h",
        *,
        times: Times = "timedelta",
        replication: int | None = None,
    ) -> pd.DataFrame:
        """Return the fleet at even times, from the start to the end of the last replication.

        Args:
            freq: Time between two rows, like `1h`, `30 min`, a `timedelta`, or seconds.
            times: What the index is: `timedelta`, `dates` (UTC) or `seconds`.
            replication: Number of a replication; None for the mean over all.

        Returns:
            A row a time, which is the index: devices by status, downloads, bandwidth (bytes/s, and bit/s in
            `bandwidth_bps`), each as it stood then; the last ones as on the line of the run's `resolution`
            before.

        Raises:
            ScenarioError: One of the arguments is not allowed.

        Example: `result.curves_at("1h")["success"].plot()`.
        """
        import pandas as pd

        check_times(times)
        step = max(round(length_s("freq", freq) * TICKS_PER_S), 1)
        runs = self._numbered(replication)
        n = -(-max(round(run.end_s * TICKS_PER_S) for run in runs) // step) + 1
        if n > _GRID_MAX:
            raise ScenarioError([Problem("freq", f"makes {n:,} rows; at most {_GRID_MAX:,}")])
        ticks = np.arange(n, dtype=np.int64) * step
        values = np.mean([_at(run, ticks) for run in runs], axis=0)
        columns = [*(state.progress_key for state in _STATES), "downloads", "bandwidth"]
        index = times_of(ticks / TICKS_PER_S, times, self.scenario.run.start)
        frame = pd.DataFrame(values, columns=columns, index=index.rename("time"))
        return with_bps(frame, rates=["bandwidth"])

    @known_keywords()
    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the fleet by status over time: the same as `plot_completion`.

        Args:
            ax: Where to draw; a new figure if None.

        Returns:
            The axes; their figure is `axes.figure`.
        """
        return self.plot_completion(ax)

    @known_keywords()
    def plot_recovery(self, ax: Axes | None = None) -> Axes:
        """Draw the recovery curve.

        Args:
            ax: Where to draw; a new figure if None.

        Returns:
            The axes; their figure is `axes.figure`.
        """
        return drawn(ax, lambda axes: overview.draw_recovery(axes, self.runs))

    @known_keywords()
    def plot_completion(self, ax: Axes | None = None) -> Axes:
        """Draw the fleet by status over time.

        Args:
            ax: Where to draw; a new figure if None.

        Returns:
            The axes.
        """
        return drawn(ax, lambda axes: overview.draw_completion(axes, self.runs, self.scenario))

    def figure(self) -> Figure:
        """Return the figure of the result: completion on the left, recovery on the right."""
        return overview.run_figure(self)

    def _repr_html_(self) -> str:
        """Return headline, summary and figure for Jupyter."""
        return result_html(self, self.headline, overview.png_bytes(self, dpi=90))

    def _frame(self, name: str) -> pd.DataFrame:
        """Return a table as a frame; result codes stay whole numbers beside missing ones."""
        import pandas as pd
        import pyarrow as pa

        whole = {pa.int16(): pd.Int16Dtype()}
        frame: pd.DataFrame = self.table(name).to_pandas(types_mapper=whole.get)
        return frame

    def _numbered(self, replication: int | None) -> Sequence[DrawnRun]:
        """Return one replication, or all of them."""
        if replication is None:
            return self.runs
        if replication not in range(len(self.runs)):
            allowed = f"0 to {len(self.runs) - 1}, or None for the mean over all"
            raise ScenarioError([Problem("replication", f"{replication!r} is not allowed; {allowed}")])
        return [self.runs[replication]]


def _at(run: DrawnRun, ticks: Int64s) -> Floats:
    """Return the state of a run's fleet at some ticks, (n, states + 2) float64."""
    known = run.curves if run.steps is None else run.steps
    status = known.status[np.searchsorted(known.tick, ticks, side="right") - 1]
    line = np.searchsorted(run.curves.tick, ticks, side="right") - 1
    over = ticks >= round(run.end_s * TICKS_PER_S)
    return np.column_stack(
        [
            np.where(over[:, None], run.final, status)[:, list(_STATES)],
            np.where(over, 0, run.curves.downloads[line]),
            np.where(over, 0.0, run.curves.bandwidth[line]),
        ]
    ).astype(np.float64)
