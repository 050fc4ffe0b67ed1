"""Result files: all of them appear whole, or none does.

Everything is first written into a hidden folder inside the target, so that it lies on the same disk,
and then renamed into place, the manifest last: a folder with a manifest holds a complete result. What
goes wrong before that (an interrupt, a full disk) leaves nothing behind.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sim.errors import Problem, ScenarioError
from sim.results.display.format import some_of
from sim.results.display.summary import summary_dict
from sim.results.figures import overview
from sim.results.files.columns import described
from sim.version import __version__

if TYPE_CHECKING:
    import pyarrow as pa

    from sim.results.run_data import RunData

MANIFEST: Final = "manifest.json"
REPORT: Final = "report.html"
"""The report on a folder's results, if somebody asked for one: it is written later than they are."""

COMPARISON: Final = "comparison.json"
"""What changes without something, if somebody asked for that; it is written later, too."""

FILES: Final = (
    "summary.json",
    "targets.parquet",
    "curves.parquet",
    "steps.parquet",
    "recovery.parquet",
    "calls.parquet",
    "call_targets.parquet",
    "tasks.parquet",
    "waves.parquet",
    "held_up.parquet",
    "attempts.parquet",
    "recovery.png",
    MANIFEST,
    COMPARISON,
    REPORT,
)
"""Names that belong to a result, in the order in which they appear."""

FORMAT: Final = 1
"""Version of the layout of these files, in the manifest."""

_WORK: Final = ".fleetsim-"
_LIBRARIES: Final = ("matplotlib", "numba", "numpy", "pyarrow", "simpy")


def check_folder(folder: Path, scenario_name: str, *, force: bool = False) -> None:
    """Refuse a folder that can't be written, or in which results would get mixed up with something else.

    A folder that is new, is empty, or holds nothing but earlier results of the same scenario is fine:
    those are replaced. The folder is left as it was.

    Args:
        folder: Where results are to go.
        scenario_name: Whose results.
        force: Accept other files and another scenario's results. Other files still stay as they are.

    Raises:
        ScenarioError: It is refused.
        OSError: It can't be written.
    """
    problem = _problem_of(folder, scenario_name, force=force)
    if problem is not None:
        raise ScenarioError([Problem("", problem, file=str(folder))])
    with _work_folder(folder):
        pass


def save(result: RunData, folder: str | Path, *, force: bool = False) -> list[Path]:
    """Write the result files.

    Args:
        folder: Where; made if there is none.
        force: See `check_folder`.

    Returns:
        The files, in the order of `FILES`.

    Raises:
        ScenarioError: The folder is refused.
        OSError: Something can't be written.
    """
    target = Path(folder)
    check_folder(target, result.scenario.name, force=force)
    with _work_folder(target) as work:
        names = []
        for name, write in _writers(result):
            write(work / name)
            names.append(name)
        _write_json(work / MANIFEST, content=_manifest(result, names))
        _move(work, target, (*names, MANIFEST))
    return [target / name for name in (*names, MANIFEST)]


def _problem_of(folder: Path, scenario_name: str, *, force: bool) -> str | None:
    """Return why a folder is refused; None if it is not."""
    if not os.path.lexists(folder):
        return None
    if not folder.is_dir():
        return "is a file; results need a folder"
    names = sorted(entry.name for entry in folder.iterdir() if not entry.name.startswith(_WORK))
    if not names or force:
        return None
    advice = "choose another folder, or --force to replace the result files in it"
    other = [name for name in names if name not in FILES]
    if other:
        return f"holds other files ({some_of(other)}); {advice}"
    earlier = _scenario_of(folder)
    if earlier is None:
        return f"holds files that are no complete result; {advice}"
    return None if earlier == scenario_name else f"holds results of the scenario '{earlier}'; {advice}"


def _writers(result: RunData) -> Iterator[tuple[str, Callable[[Path], None]]]:
    """Yield the name of each file but the manifest, and what writes it."""
    # Arrow is needed when something is written, not when a folder is checked.
    from sim.results.files.tables import TABLES, target_parts

    yield "summary.json", partial(_write_json, content=summary_dict(result))
    yield "targets.parquet", partial(_write_table, result=result, parts=target_parts(result))
    names = ["curves", "steps", "recovery", "calls", "call_targets", "tasks", "waves", "held_up"]
    if any(run.attempts is not None for run in result.kept):
        names.append("attempts")
    for name in names:
        yield f"{name}.parquet", partial(_write_table, result=result, parts=iter(TABLES[name](result)))
    yield "recovery.png", partial(_write_bytes, content=overview.png_bytes(result))


def _write_table(path: Path, *, result: RunData, parts: Iterator[pa.Table]) -> None:
    """Write a Parquet file from parts with the same columns; at least one part.

    Whole numbers that creep and floats whose bytes are alike compress to a fraction with these
    encodings; text that repeats is a dictionary.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    first = next(parts)
    origin = {"scenario": result.scenario.name, "seed": str(result.seed), "digest": result.digest}
    schema = described(first.schema, path.stem).with_metadata({**(first.schema.metadata or {}), **origin})
    encodings, words = {}, []
    for field in schema:
        if pa.types.is_dictionary(field.type):
            words.append(field.name)
        elif pa.types.is_floating(field.type):
            encodings[field.name] = "BYTE_STREAM_SPLIT"
        elif pa.types.is_integer(field.type):
            encodings[field.name] = "DELTA_BINARY_PACKED"
        else:
            encodings[field.name] = "DELTA_BYTE_ARRAY"
    with (
        path.open("wb") as stream,
        pq.ParquetWriter(
            stream, schema, compression="zstd", use_dictionary=words, column_encoding=encodings
        ) as writer,
    ):
        for part in (first, *parts):
            writer.write_table(pa.Table.from_arrays(part.columns, schema=schema))


def _manifest(result: RunData, names: list[str]) -> dict[str, Any]:
    """Return where a result comes from: enough to make it again."""
    scenario = result.scenario
    return {
        "format": FORMAT,
        "scenario": scenario.name,
        "scenario_digest": scenario.digest,
        "scenario_text": scenario.source_text,
        "seed": result.seed,
        "replications": len(result.runs),
        **({"values": [dict(own) for own in result.values]} if result.values else {}),
        "plane": result.plane,
        "digest": result.digest,
        "versions": {
            "fleetsim": __version__,
            "python": platform.python_version(),
            **{name: version(name) for name in _LIBRARIES},
        },
        "simulated_s": max(run.end_s for run in result.runs),
        "wall_s": round(result.wall_s, 3),
        "written_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "files": [*names, MANIFEST],
    }


def _write_json(path: Path, *, content: dict[str, Any]) -> None:
    """Write JSON that any reader takes: no NaN, no infinity."""
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")


def _write_bytes(path: Path, *, content: bytes) -> None:
    """Write a file."""
    path.write_bytes(content)


@contextmanager
def _work_folder(target: Path) -> Iterator[Path]:
    """Yield a hidden folder inside the target; whatever happens, nothing of it stays.

    A target that had to be made and has stayed empty is removed again, with the folders above it that
    were made for it.
    """
    missing = [folder for folder in (target, *target.parents) if not folder.exists()]
    try:
        target.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=_WORK, dir=target))
        try:
            yield work
        except OSError as error:  # a full disk, say: name what the user knows
            raise OSError(error.errno, error.strerror or str(error), str(target)) from error
        finally:
            shutil.rmtree(work, ignore_errors=True)
    finally:
        with suppress(OSError):  # a folder with files in it stays
            for folder in missing:
                folder.rmdir()


def _move(work: Path, target: Path, names: Sequence[str]) -> None:
    """Rename files into place, so that the folder holds this result and nothing of an earlier one.

    An interrupt waits until all have arrived: half of them would be a mixture of two results.
    """
    stale = [name for name in _named_in(target) if name not in names]
    (target / MANIFEST).unlink(missing_ok=True)
    try:
        _rename(work, target, names)
    except KeyboardInterrupt:
        _rename(work, target, names)
        raise
    finally:
        for name in stale:
            (target / name).unlink(missing_ok=True)


def _rename(work: Path, target: Path, names: Sequence[str]) -> None:
    """Rename those files that are not in place yet."""
    for name in names:
        if (work / name).exists():
            (work / name).replace(target / name)


def _read_manifest(folder: Path) -> dict[str, Any]:
    """Return the manifest of the result that a folder holds; empty if it holds none."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return manifest if isinstance(manifest, dict) and manifest.get("format") == FORMAT else {}


def _named_in(folder: Path) -> list[str]:
    """Return the names of the files of the result that a folder holds, and of what was said about it."""
    listed = _read_manifest(folder).get("files")
    if not isinstance(listed, list):
        return []
    return [name for name in FILES if name in listed or name in (COMPARISON, REPORT)]


def _scenario_of(folder: Path) -> str | None:
    """Return the name of the scenario whose result a folder holds; None if it holds none."""
    name = _read_manifest(folder).get("scenario")
    return name if isinstance(name, str) else None
