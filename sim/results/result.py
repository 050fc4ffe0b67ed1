"""The answer of `sim.run`: numbers at once, frames and figures when somebody asks for them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sim.results.display.format import counted
from sim.results.display.headline import run_headline
from sim.results.display.means import mean_by_cohort
from sim.results.display.summary import summary_dict
from sim.results.display.text import summary_text
from sim.results.files.columns import described
from sim.results.files.write import save
from sim.results.frames.result_frames import ResultFrames
from sim.results.run_data import RunData
from sim.traces.chosen import SHOWN, DeviceChoice

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    import pyarrow as pa

    from sim.results.statistics import Metric


class RunResult(RunData, ResultFrames):
    """What happened in the replications of one scenario, with its frames, figures and files.

    See `RunData` for the numbers and `ResultFrames` for frames and figures. pandas, Arrow and matplotlib are
    imported with the first frame or figure: a summary needs none of them.
    """

    @property
    def headline(self) -> str:
        """What came of it and what limited it, in two sentences."""
        return run_headline(self)

    def summary_dict(self) -> dict[str, Any]:
        """Return the content of `summary.json`."""
        return summary_dict(self)

    def cohort_means(self) -> dict[str, dict[str, Metric]]:
        """Return the mean of each cohort's metrics."""
        return mean_by_cohort(self.runs)

    def table(self, name: str) -> pa.Table:
        """Return one of the tables as Arrow.

        Args:
            name: One of `sim.results.frames.result_frames.TABLE_NAMES`.
        """
        import pyarrow as pa

        from sim.results.files.tables import TABLES

        whole = pa.concat_tables(TABLES[name](self))
        return pa.Table.from_arrays(whole.columns, schema=described(whole.schema, name))

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

    def trace(self, path: str | Path, *, devices: DeviceChoice = SHOWN, force: bool = False) -> Path:
        """Write what devices did in the first replication as a trace that Perfetto and Chrome open.

        Args:
            path: The file; its folder is made if there is none.
            devices: How many, evenly over the fleet, or the ids of those that are shown.
            force: Replace an earlier file.

        Returns:
            The file.

        Raises:
            ScenarioError: There is no such device, the file is there already, or the run kept no attempts,
                which takes `log_attempts=True`.
            OSError: The file can't be written.
        """
        from sim.traces.trace_file import write_trace  # SimPy with it: not for those who only read results

        return write_trace(self.kept[0], path, devices=devices, force=force)

    def without_log(self) -> RunResult:
        """Return the same without the log of attempts."""
        runs = [
            one if one.run is None else replace(one, run=replace(one.run, attempts=None)) for one in self.runs
        ]
        same = RunResult(
            self.scenario,
            seed=self.seed,
            plane=self.plane,
            runs=runs,
            wall_s=self.wall_s,
            values=self.values,
        )
        same.remarks = self.remarks
        return same

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
