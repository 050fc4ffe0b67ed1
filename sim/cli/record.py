"""`fleetsim record`: polls a real service, or an emulator, and keeps what was seen of a task's devices."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from sim.cli.answer import Answer, json_option, say, warn
from sim.cli.options import options
from sim.errors import Problem, ScenarioError
from sim.units import parse_duration, parse_frequency
from sim.version import __version__

if TYPE_CHECKING:
    from sim.recording.poll_clock import Clock
    from sim.recording.reading_api import ReadingApi
    from sim.recording.recorder import Summary, SweepReport
    from sim.recording.recording_files import RecordingFolder
    from sim.recording.transport import Answer as HttpAnswer

Tell = Callable[["SweepReport"], None]

_TASK_ID: Final = re.compile("[0-9a-f]{24}")
_CALLS_PER_S_MAX: Final = 100.0
_SECONDS_MIN: Final = 1.0

recording_options = options(
    click.argument("url", required=False),
    click.option(
        "--task",
        "tasks",
        metavar="ID",
        multiple=True,
        help="Task that is recorded: its id, or its name if no other has it. May be repeated.",
    ),
    click.option(
        "--out",
        type=click.Path(file_okay=False, path_type=Path),
        required=True,
        help="Folder of the recording; if it is one of the same tasks, it goes on there.",
    ),
    click.option(
        "--every",
        metavar="DURATION",
        help="From one look at the devices to the next. [default: 5 min, or as much less as the retry "
        "interval asks for]",
    ),
    click.option(
        "--counts",
        metavar="DURATION",
        default="5 s",
        show_default=True,
        help="From one look at the counts to the next in the first hour; later at least 60 s.",
    ),
    click.option(
        "--call-rate", metavar="RATE", default="10 /s", show_default=True, help="Calls a second, at most."
    ),
    click.option(
        "--for",
        "lasts",
        metavar="DURATION",
        default="30 d",
        show_default=True,
        help="When to end, whatever the task does.",
    ),
    click.option(
        "--region", metavar="NAME", help="Sign with a key derived for this region, like cn-north-4."
    ),
    click.option(
        "--inventory", is_flag=True, help="First list all devices with product, status and versions."
    ),
    click.option(
        "--simulated-time",
        is_flag=True,
        help="The server is `fleetsim serve`: go by its clock, and move it where it stands still.",
    ),
)
"""Arguments and options that `record` and `watch` share."""


@click.command("record")
@recording_options
@click.option("--compact", is_flag=True, help="Only turn the lines of a recording into Parquet; without URL.")
@click.option(
    "--pseudonyms",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="KEYFILE",
    help="With --copy: secret key, at least 16 bytes at random, that makes names in place of device ids.",
)
@click.option(
    "--copy",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="With --compact: also make a copy to be handed on, without device ids.",
)
@json_option("record")
def command(
    url: str | None, compact: bool, out: Path, pseudonyms: Path | None, copy: Path | None, **given: Any
) -> Answer:
    """Record what becomes of a task's devices, by polling the service at URL until the task has settled.

    The service tells no times of devices, so that somebody has to look. Nothing is ever changed there. After
    Ctrl-C or a kill the same command goes on; at the end the folder is turned into Parquet. Credentials come
    from FLEETSIM_AK and FLEETSIM_SK, or FLEETSIM_TOKEN, and FLEETSIM_PROJECT_ID (or HUAWEICLOUD_SDK_AK,
    HUAWEICLOUD_SDK_SK, HUAWEICLOUD_SDK_PROJECT_ID), and are written nowhere.
    """
    if (pseudonyms is None) != (copy is None) or (copy is not None and not compact):
        message = "need each other, and --compact: --compact --pseudonyms KEYFILE --copy FOLDER"
        raise ScenarioError([Problem("--pseudonyms, --copy", message)])
    if compact:
        if url is not None or given["tasks"] or given["inventory"]:
            message = "turns a recording into Parquet and takes no URL, --task or --inventory"
            raise ScenarioError([Problem("--compact", message)])
        answer = _compacted(out)
        if pseudonyms is not None and copy is not None:
            _hand_on(out, copy, pseudonyms)
        return answer
    return answer_of(url, out, None, **given)


def answer_of(url: str | None, out: Path, tell: Tell | None, **given: Any) -> Answer:
    """Record, and return what was done.

    Args:
        url: Address of the service.
        out: Folder of the recording.
        tell: Called after each sweep; None for nothing.
        **given: The other options.

    Raises:
        ScenarioError: Options, credentials or the folder are wrong; with all that is wrong.
        RecordingError: The service does not answer what was asked.
    """
    from sim.recording.poll_clock import WallClock
    from sim.recording.reading_api import ReadingApi
    from sim.recording.recorder import Pace, record
    from sim.recording.signing import find_access
    from sim.recording.transport import UrlTransport

    numbers = _numbers(url, given)
    assert url is not None
    transport, access = UrlTransport(url), find_access(given["region"])
    if transport.is_readable_by_others and access.form == "token":
        warn([Problem("URL", "http:// sends the token unencrypted; use https://, or keys")])
    clock: Clock = WallClock()
    try:
        if given["simulated_time"]:
            from sim.recording.poll_clock import EmulatedClock

            clock = EmulatedClock(partial(_ask, transport, access))
        client = partial(
            ReadingApi,
            transport,
            access,
            clock,
            host=transport.host,
            prefix=transport.prefix,
            calls_per_s=numbers["--call-rate"],
        )
        task_ids = _task_ids(client(), given["tasks"])
        folder, api = _opened(out, task_ids, client)
        try:
            document = {"inventory": _inventory(api, folder, wanted=given["inventory"])}
            if not task_ids:
                return Answer(lambda: {**_nothing(out), **document})
            say(f"Recording {_named(task_ids)} into {out}; Ctrl-C ends it, the same command goes on.")
            pace = Pace(numbers.get("--every"), numbers["--counts"], numbers["--for"])
            summary = record(api, folder, clock, task_ids, pace=pace, tell=tell)
        finally:
            folder.close()
    finally:
        transport.close()
    return _done(out, task_ids, summary, document)


def _numbers(url: str | None, given: dict[str, Any]) -> dict[str, float]:
    """Return durations in seconds and the rate in calls/s, by option; all that is wrong is told at once."""
    problems = []
    if url is None:
        problems.append(Problem("URL", "is missing; it is written like https://HOST"))
    if not given["tasks"] and not given["inventory"]:
        problems.append(Problem("--task", "is missing; name the task that is to be recorded, or --inventory"))
    texts = {"--every": given["every"], "--counts": given["counts"], "--for": given["lasts"]}
    numbers = {}
    for option, text in texts.items():
        if text is None:
            continue
        try:
            numbers[option] = parse_duration(text)
        except ValueError as error:
            problems.append(Problem(option, str(error)))
            continue
        if numbers[option] < _SECONDS_MIN:
            problems.append(Problem(option, f"{text} is less than 1 s"))
    try:
        numbers["--call-rate"] = parse_frequency(given["call_rate"])
        if not 0.1 <= numbers["--call-rate"] <= _CALLS_PER_S_MAX:
            problems.append(Problem("--call-rate", f"{given['call_rate']} is not 0.1 /s to 100 /s"))
    except ValueError as error:
        problems.append(Problem("--call-rate", str(error)))
    if problems:
        raise ScenarioError(problems)
    return numbers


def _ask(transport: Any, access: Any, method: str, path: str, body: bytes) -> HttpAnswer:
    """Ask an emulator for its clock."""
    from sim.recording.signing import signed_headers

    target = transport.prefix + path
    headers = signed_headers(access, method, target, transport.host, datetime.now(UTC), body)
    answer: HttpAnswer = transport(method, target, headers, body)
    return answer


def _task_ids(api: ReadingApi, tasks: tuple[str, ...]) -> list[str]:
    """Return the ids of tasks that were named by id or name, each once."""
    from sim.recording.reading_api import find_task
    from sim.rules.states import UPGRADE_TYPES

    types = sorted(UPGRADE_TYPES)
    return list(dict.fromkeys(t if _TASK_ID.fullmatch(t) else find_task(api, t, types) for t in tasks))


def _opened(
    out: Path, task_ids: list[str], client: Callable[..., ReadingApi]
) -> tuple[RecordingFolder, ReadingApi]:
    """Open the folder, and a client that knows until when it goes."""
    from sim.recording.recording_files import RecordingFolder, last_known_ms

    folder = RecordingFolder(out, task_ids, {"tool": f"fleetsim {__version__}"})
    if folder.torn:
        warn([Problem("", f"{folder.torn} half lines of a killed recording were cut off", file=str(out))])
    return folder, client(not_before_ms=last_known_ms(folder))


def _inventory(api: ReadingApi, folder: RecordingFolder, *, wanted: bool) -> dict[str, Any] | None:
    """List the fleet if that is wanted, and say what it is like."""
    if not wanted:
        return None
    from sim.recording.fleet_scan import scan_fleet

    scan = scan_fleet(api, folder.path)
    states = ", ".join(f"{count:,} {status or 'without status'}" for status, count in scan.by_status.items())
    say(f"{sum(scan.by_status.values()):,} devices ({states}), of {scan.n_sampled:,} since when: {scan.path}")
    return {
        "file": str(scan.path),
        "status": scan.by_status,
        "products": scan.by_product,
        "sampled": scan.n_sampled,
    }


def _done(out: Path, task_ids: list[str], summary: Summary, document: dict[str, Any]) -> Answer:
    """Turn a recording of settled tasks into Parquet, and say what was done."""
    from sim.recording.recording_files import compact

    warn(Problem("", text, file=str(out)) for text in summary.warnings)
    is_settled = summary.ended == "settled"
    rows = compact(out) if is_settled else {}
    if is_settled:
        _warn_of_lines(out)
    end = "All tasks have settled" if is_settled else "The time is over, and a task has not settled"
    say(
        f"{end}: {summary.sweeps:,} sweeps ({summary.failed_sweeps:,} failed), {summary.calls:,} calls "
        f"({summary.throttled:,} of them answered with 429), {out}"
    )
    return Answer(
        lambda: {**_nothing(out), "tasks": task_ids, **vars(summary), "rows": rows, **document},
    )


def _nothing(out: Path) -> dict[str, Any]:
    """Return the document of a recording in which nothing was polled."""
    counts = dict.fromkeys(("sweeps", "failed_sweeps", "calls", "throttled", "failed", "torn_lines"), 0)
    lists: dict[str, Any] = {"tasks": [], "rows": {}, "warnings": [], "inventory": None}
    return {"folder": str(out), "ended": "", **counts, **lists}


def _compacted(out: Path) -> Answer:
    """Turn the lines of a recording into Parquet."""
    from sim.recording.recording_files import ABOUT, RecordingFolder, compact, read_document

    task_ids = read_document(out, ABOUT).get("task_ids", [])
    folder = RecordingFolder(out, task_ids, {})  # nobody else writes meanwhile
    try:
        rows = compact(out)
    finally:
        folder.close()
    _warn_of_lines(out)
    shown = ", ".join(f"{name} {count:,}" for name, count in rows.items()) or "nothing was left to do"
    say(f"Rows in Parquet: {shown}; {out}")
    return Answer(lambda: {**_nothing(out), "tasks": task_ids, "rows": rows})


def _hand_on(out: Path, copy: Path, key: Path) -> None:
    """Make a copy of a recording without device ids."""
    from sim.recording.handed_on import copy_with_pseudonyms
    from sim.recording.pseudonyms import Pseudonyms

    try:
        names = Pseudonyms(key.read_bytes().strip())
    except OSError as error:
        message = f"can't be read: {error.strerror}"
        raise ScenarioError([Problem("--pseudonyms", message, file=str(key))]) from None
    copy_with_pseudonyms(out, copy, names)
    say(f"Copy without device ids: {copy}")


def _warn_of_lines(out: Path) -> None:
    """Say which tables were left as lines since some of these are no rows."""
    for path in sorted(out.glob("*.jsonl")):
        warn([Problem("", "has lines that are no rows, so it was left as it is", file=str(path))])


def _named(task_ids: list[str]) -> str:
    return f"task {task_ids[0]}" if len(task_ids) == 1 else f"{len(task_ids)} tasks"
