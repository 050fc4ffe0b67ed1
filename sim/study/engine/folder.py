"""The folder of a study: who it belongs to, its units' files, its results.

study.json      whose study it is: scenario (digest and text), seed, plane, version
tasks/          a file a unit, renamed when whole; this is what a study goes on from
*.parquet ...   results, written again at the end of each run
"""

from __future__ import annotations

import io
import json
import os
import platform
import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sim.atomic_files import PART, write_whole
from sim.errors import Problem, ScenarioError
from sim.results.display.format import some_of
from sim.results.figures.style import image_bytes
from sim.results.files.columns import described
from sim.results.files.write import REPORT
from sim.study.engine.kinds import KINDS, StudyKind
from sim.study.engine.unit import MARKER, TASKS
from sim.version import __version__

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from sim.scenario import Scenario

    Content = pd.DataFrame | Mapping[str, Any] | Callable[[], Figure]
    """A result: a table as Parquet, plain data as JSON, or what draws a figure as PNG."""

FORMAT: Final = 1
"""Version of the layout of these folders, in the marker."""

_FORCE: Final = "choose another folder, or --force to begin anew in this one"


class StudyFolder:
    """A folder that belongs to one study.

    Attributes:
        path: Where, absolute.
        identity: Text that the marker contains and no other study's does.
        found: Whether there was something of this study already.
    """

    def __init__(
        self,
        path: str | Path,
        scenario: Scenario,
        *,
        kind: StudyKind,
        seed: int,
        plane: str,
        force: bool = False,
    ) -> None:
        """Look at a folder, and leave it as it is until `claim`.

        Args:
            path: Where; there may be none yet.
            scenario: What is studied.
            kind: What is studied about it.
            seed: Key of all draws.
            plane: `compiled` or `simpy`.
            force: Throw away what another study left there. Other files still stay as they are.

        Raises:
            ScenarioError: It belongs to something else.
            OSError: It can't be read.
        """
        self.path = Path(path).absolute()
        self._kind = kind
        self._origin = {
            "format": FORMAT,
            "kind": kind.name,
            "scenario": scenario.name,
            "scenario_digest": scenario.digest,
            "seed": seed,
            "plane": plane,
            "fleetsim": __version__,
        }
        self.identity = json.dumps(self._origin, ensure_ascii=False)[1:-1]
        self._scenario = scenario
        self._earlier: dict[str, Any] | None = None
        self._is_cleared_first = False
        self.found = self._check(force=force)

    def _check(self, *, force: bool) -> bool:
        """Refuse a folder of something else; tell whether this study has been here before."""
        where = str(self.path)
        if not os.path.lexists(self.path):
            return False
        if not self.path.is_dir():
            raise ScenarioError([Problem("", "is a file; a study needs a folder", file=where)])
        names = sorted(entry.name for entry in self.path.iterdir() if not entry.name.startswith("."))
        mine = {MARKER, TASKS, *self._kind.files}
        if MARKER in names:
            mine.add(REPORT)
        other = [name for name in names if name not in mine]
        earlier = _read_json(self.path / MARKER)
        if earlier is None:
            unclear = [name for name in names if name not in other] and "files that are no whole study"
            message = f"other files ({some_of(other)})" if other else unclear
        else:
            message = self._difference(earlier) or (other and f"other files ({some_of(other)})")
        if message and not force:
            raise ScenarioError([Problem("", f"holds {message}; {_FORCE}", file=where)])
        self._earlier = earlier
        self._is_cleared_first = bool(message) and (earlier is None or bool(self._difference(earlier)))
        return earlier is not None and not self._is_cleared_first

    def _difference(self, earlier: dict[str, Any]) -> str:
        """Say what the folder holds if it is not this study; empty if it is."""
        said = {name: earlier.get(name) for name in self._origin}
        if said == self._origin:
            return ""
        if said["format"] != FORMAT or said["fleetsim"] != self._origin["fleetsim"]:
            return f"a study made by version {said['fleetsim']} of fleetsim, whose results may differ"
        if said["kind"] != self._kind.name:
            return f"a study of another kind ('{said['kind']}')"
        if said["scenario"] != self._origin["scenario"]:
            return f"a study of the scenario '{said['scenario']}'"
        if said["scenario_digest"] != self._origin["scenario_digest"]:
            return f"a study of another scenario: '{said['scenario']}' has changed since"
        name = "seed" if said["seed"] != self._origin["seed"] else "plane"
        return f"a study with {name} {said[name]}, not {self._origin[name]}"

    def _clear(self) -> None:
        """Throw away an earlier study, the marker first: without it nothing else counts."""
        name = self._kind.name if self._earlier is None else self._earlier.get("kind")
        (self.path / REPORT).unlink(missing_ok=True)
        (self.path / MARKER).unlink(missing_ok=True)
        shutil.rmtree(self.path / TASKS, ignore_errors=True)
        for file in KINDS[str(name)].files if name in KINDS else ():
            (self.path / file).unlink(missing_ok=True)

    def claim(self) -> None:
        """Take the folder: write the marker, and sweep up what a killed worker left half-written.

        Raises:
            OSError: It can't be written.
        """
        if self._is_cleared_first:
            self._clear()
        if os.path.lexists(self.path / MARKER):
            (self.path / REPORT).unlink(missing_ok=True)  # it will tell of other numbers than the files
        tasks = self.path / TASKS
        self.path.mkdir(parents=True, exist_ok=True)
        for partial in [*tasks.glob(PART), *self.path.glob(PART)]:
            with suppress(OSError):
                partial.unlink()
        if not self.found:
            content = {
                **self._origin,
                "python": platform.python_version(),
                "scenario_text": self._scenario.source_text,
            }
            write_whole(self.path / MARKER, (json.dumps(content, ensure_ascii=False) + "\n").encode())
        tasks.mkdir(exist_ok=True)

    def save(self, contents: Mapping[str, Content]) -> None:
        """Write results, each one whole.

        Args:
            contents: By name, which must be one of the kind's.

        Raises:
            OSError: One can't be written.
        """
        for name, content in contents.items():
            assert name in self._kind.files, name
            write_whole(self.path / name, self._encoded(name, content))

    def _encoded(self, name: str, content: Content) -> bytes:
        """Return the bytes of a result."""
        if isinstance(content, Mapping):
            text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
            return f"{text}\n".encode()
        if callable(content):
            return image_bytes(content)
        return self._parquet(name.removesuffix(".parquet"), content)

    def _parquet(self, name: str, frame: pd.DataFrame) -> bytes:
        """Return a frame as Parquet that says whose it is."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        stream = io.BytesIO()
        table = pa.Table.from_pandas(frame, preserve_index=False)
        origin = {key: str(value) for key, value in self._origin.items()}
        metadata = {**(table.schema.metadata or {}), **origin}
        schema = described(table.schema, name).with_metadata(metadata)
        pq.write_table(pa.Table.from_arrays(table.columns, schema=schema), stream, compression="zstd")
        return stream.getvalue()


def _read_json(path: Path) -> dict[str, Any] | None:
    """Return the mapping that a file holds; None if it holds none."""
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None
