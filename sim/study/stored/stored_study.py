"""A study as its folder holds it: its tables as frames, its data, its figure."""

from __future__ import annotations

import json
from functools import cached_property
from html import escape
from typing import TYPE_CHECKING, Any, Final

from sim.errors import Problem, ScenarioError
from sim.results.display.format import image_html
from sim.results.figures.canvas import drawn
from sim.results.files.damage import undamaged
from sim.scenario import parse_scenario
from sim.scenario.arguments import known_keywords
from sim.scenario.suggest import unknown
from sim.study.engine.kinds import KINDS

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd
    from matplotlib.axes import Axes

    from sim.scenario import Scenario

_TABLE: Final = ".parquet"
_SHOWN: Final = 12


class StoredStudy:
    """A study, read back.

    Attributes:
        folder: Where it was read.
        manifest: Content of `study.json`: whose study it is.
        kind: `replications`, `sweep`, `plan`, `policy` or `sensitivity`.
        seed: Key of all draws, the same everywhere.
    """

    def __init__(self, folder: Path, manifest: dict[str, Any]) -> None:
        """Hold what was read; tables are read when they are asked for."""
        self.folder = folder
        self.manifest = manifest
        self.kind = str(manifest["kind"])
        self.seed = int(manifest["seed"])

    @cached_property
    def scenario(self) -> Scenario:
        """What was studied."""
        return parse_scenario(self.manifest["scenario_text"], folder=self.folder)

    @property
    def tables(self) -> tuple[str, ...]:
        """Names of the tables, the one that the study is about first."""
        names = (name for name in KINDS[self.kind].files if name.endswith(_TABLE))
        return tuple(name.removesuffix(_TABLE) for name in names if (self.folder / name).exists())

    @property
    def frame(self) -> pd.DataFrame:
        """The table that the study is about: a row a run, a value, a policy or a field."""
        return self.table(self.tables[0] if self.tables else KINDS[self.kind].files[0].removesuffix(_TABLE))

    @property
    def headline(self) -> str:
        """The answer in one or two sentences, as the study said it."""
        told = self.data.get("headline")
        wrote = f"a study by fleetsim {self.manifest['fleetsim']}, which kept no headline"
        return str(told) if told else f"{self.kind} of {self.manifest['scenario']}: {wrote}."

    @property
    def frontier(self) -> pd.DataFrame:
        """A row a value of the second field of a plan: the answer for it.

        Raises:
            ScenarioError: The study has no such table, since it is no plan over two fields.
        """
        return self.table("frontier")

    @property
    def summary(self) -> pd.DataFrame:
        """Means with their intervals, of studies that have such a table; else the same as `frame`."""
        found = self.table("summary") if "summary" in self.tables else self.frame
        return found.set_index("metric") if self.kind == "replications" else found

    @cached_property
    def data(self) -> dict[str, Any]:
        """The answer as plain data; empty if the study was not finished."""
        path = self.folder / f"{self.kind}.json"
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        return found

    def table(self, name: str) -> pd.DataFrame:
        """Return one of the tables.

        Args:
            name: One of `tables`.

        Raises:
            ScenarioError: There is no such table, or its file is damaged.
        """
        import pandas as pd

        if name not in self.tables:
            whole = "" if self.tables else "; the study was not finished: ask it again with the same folder"
            message = unknown("table", name, self.tables) + whole
            raise ScenarioError([Problem("", message, file=str(self.folder))])
        path = self.folder / f"{name}{_TABLE}"
        with undamaged(path, "run the study again"):
            return pd.read_parquet(path)

    @property
    def picture(self) -> bytes:
        """The study's figure as PNG; empty if there is none."""
        path = self.folder / f"{self.kind}.png"
        return path.read_bytes() if path.exists() else b""

    @known_keywords()
    def plot(self, axes: Axes | None = None) -> Axes:
        """Show the study's figure as it was drawn.

        Args:
            axes: Where; a new figure if None.

        Raises:
            ScenarioError: The folder has no figure.
        """
        if not self.picture:
            raise ScenarioError([Problem("", f"has no {self.kind}.png", file=str(self.folder))])
        return drawn(axes, self._draw)

    def _draw(self, axes: Axes) -> None:
        """Draw the picture into axes."""
        from matplotlib.image import imread

        axes.imshow(imread(self.folder / f"{self.kind}.png"))
        axes.set_axis_off()

    def __repr__(self) -> str:
        """Return one line that tells studies apart."""
        tables = ", ".join(self.tables) or "not finished"
        return f"<StoredStudy {self.kind} of {self.manifest['scenario']}: {tables}, from {self.folder}>"

    def _repr_html_(self) -> str:
        """Return the first rows and the figure for Jupyter."""
        rows = self.frame.head(_SHOWN).to_html(index=False) if self.tables else ""
        image = (
            image_html(self.picture, alt=f"{self.kind} of {self.manifest['scenario']}")
            if self.picture
            else ""
        )
        return f"<div><p>{escape(repr(self))}</p>{rows}{image}</div>"
