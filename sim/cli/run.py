"""`fleetsim run`: run a scenario, print its summary, write its results."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sim.cli.annotations import annotate
from sim.cli.answer import Answer, json_option, say, warn
from sim.cli.exit_codes import ExitCode
from sim.cli.options import options, plane_option, trace_option, units_option
from sim.errors import Problem
from sim.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.campaign.record import Plane
    from sim.planes.choice import PlaneChoice
    from sim.results import RunResult
    from sim.scenario import Scenario
    from sim.study.pairs.run import Comparison
    from sim.traces.chosen import DeviceChoice

_DEFAULT_FOLDER = "out"

_RUN = options(
    click.option("--seed", type=click.IntRange(0), metavar="N", help="Seed instead of the scenario's."),
    click.option(
        "--precision",
        multiple=True,
        metavar="'METRIC ± WIDTH'",
        help="Run so many replications that the 95 % interval of the mean is so narrow, like "
        "'success_share ± 0.2 %', but at most --replications or 1,000. Repeatable.",
    ),
    click.option(
        "--replications",
        type=click.IntRange(1),
        metavar="N",
        help="Number of runs with other draws, instead of the scenario's.",
    ),
    click.option(
        "--draws",
        type=click.Path(dir_okay=False, path_type=Path),
        metavar="FILE",
        help="File of a fit, like fitted.fit.json: replication r runs with its draw r of the fitted numbers, "
        "so that the spread of the replications holds how uncertain those are.",
    ),
    plane_option,
    click.option(
        "--without",
        multiple=True,
        metavar="PART",
        help="Also run the scenario without something, under the same draws, and say first what that "
        "changes: outages, operators, failures, waves, gates, windows, sites, platform, one item of a list "
        "like 'outages[0]', or a path like 'campaign.task_policy'. Repeatable: all of it is taken away at "
        "once.",
    ),
)
"""The options that say what is run."""

_OUTPUT = options(
    click.option(
        "--out",
        type=click.Path(path_type=Path),
        help="Folder for the results. [default: out/NAME of the scenario]",
    ),
    units_option,
    click.option("--attempts", is_flag=True, help="Also write attempts.parquet, a row an attempt."),
    click.option(
        "--targets",
        type=click.Choice(["first", "all"]),
        default="first",
        show_default=True,
        help="Replications whose devices go into targets.parquet and attempts.parquet.",
    ),
    click.option(
        "--force",
        is_flag=True,
        help="Replace the result files in a folder that holds something else, too, and the file of --trace.",
    ),
    trace_option,
    click.option(
        "--trace-devices",
        multiple=True,
        metavar="N|ID",
        help="Devices in the trace: so many, evenly over the fleet, or those with these ids (repeatable, or "
        "with commas between them). [default: 1000]",
    ),
    click.option("--report", is_flag=True, help="Also write report.html, one file for a meeting."),
    click.option("--quiet", is_flag=True, help="Print no summary and show no progress."),
    json_option("run"),
)
"""The options that say what is printed and written."""


@click.command("run")
@click.argument("scenario")
@_RUN
@_OUTPUT
def command(scenario: str, **asked: Any) -> Answer:
    """Run a scenario, print a summary and write the results.

    The folder gets summary.json, recovery.png, tables as Parquet files, and manifest.json with
    everything that is needed to make them again. It must be new or empty, or hold an earlier result
    of the same scenario, which is replaced. The exit code is 1 if an expectation of the scenario is not met.

    SCENARIO may be a folder: then each scenario below it is run, and an overview is printed.
    """
    options = Asked(**asked)
    if not Path(scenario).is_dir():
        return _run_one(scenario, options)
    if options.trace is not None or options.trace_devices:
        raise click.UsageError("--trace shows one run; name a scenario file instead of a folder")
    from sim.cli.run_folder import run_folder  # for those who name a folder

    def run_one(path: str, out: Path) -> Answer:
        return _run_one(path, replace(options, out=out, quiet=True))

    return run_folder(scenario, run_one, options.out or Path(_DEFAULT_FOLDER), quiet=options.quiet)


@dataclass(frozen=True)
class Asked:
    """What the options say; see their help."""

    seed: int | None
    replications: int | None
    precision: tuple[str, ...]
    draws: Path | None
    plane: PlaneChoice
    without: tuple[str, ...]
    out: Path | None
    attempts: bool
    targets: str
    force: bool
    trace: Path | None
    trace_devices: tuple[str, ...]
    report: bool
    quiet: bool


def _run_one(path: str, asked: Asked) -> Answer:
    """Run the scenario of a file, say what came of it, and write the results."""
    from sim.results.files.write import check_folder

    loaded = _loaded(path, asked.without, quiet=asked.quiet)
    values = _values_of_draws(loaded, asked)
    folder = Path(_DEFAULT_FOLDER, loaded.name) if asked.out is None else asked.out
    check_folder(folder, loaded.name, force=asked.force)  # before the work, not after it
    traced = _traced(loaded, asked.trace, asked.trace_devices, force=asked.force)
    if asked.report:
        from sim.report import check_extra

        check_extra()
    result, plane = _result(loaded, asked, values)
    difference = _difference(result, asked.without, plane=plane, quiet=asked.quiet)
    tell = _nobody if asked.quiet else say
    tell(result)  # before the files: drawing the figure takes longer than a small run
    files = _written(result, folder, asked, difference)
    tell(f"\nWritten to {folder}: {', '.join(path.name for path in files)}")
    if asked.trace is not None:
        with Progress("writing the trace", shown=not asked.quiet):
            result.trace(asked.trace, devices=traced, force=asked.force)
        which = f" of the first of {len(result.runs)} replications" if len(result.runs) > 1 else ""
        tell(f"Trace{which}: {asked.trace}")
    return Answer(lambda: run_document(result, folder, files, difference, asked.trace), _code(result))


def _values_of_draws(loaded: Scenario, asked: Asked) -> list[dict[str, Any]]:
    """Return the values of each replication that a fit has drawn; none if nobody asked."""
    if asked.draws is None:
        return []
    barred = {"--precision": asked.precision, "--without": asked.without, "--trace": asked.trace}
    given = [name for name, value in barred.items() if value]
    if given:
        raise click.UsageError(f"--draws gives each replication its own numbers; leave {given[0]} out")
    from sim.calibration.files.fit_file import read_fit, values_of_draws  # for those who have a fit

    n = loaded.run.replications if asked.replications is None else asked.replications
    return values_of_draws(read_fit(asked.draws), loaded, n)


def _result(loaded: Scenario, asked: Asked, values: Sequence[dict[str, Any]]) -> tuple[RunResult, Plane]:
    """Run a scenario, and return the plane as well."""
    # As long as a small run; whoever asks for help doesn't wait for them.
    from sim.planes.choice import choose_plane
    from sim.results.display.order import order_notes
    from sim.results.runner import run

    replications, precision, quiet = asked.replications, asked.precision, asked.quiet
    plane = choose_plane(asked.plane, loaded, runs=replications or _most(loaded, precision), is_quiet=quiet)
    if precision:
        replications = _enough(loaded, precision, replications, quiet=quiet, seed=asked.seed, plane=plane)
    result = run(
        loaded,
        seed=asked.seed,
        replications=replications,
        plane=plane,
        log_attempts=asked.attempts or asked.trace is not None,
        all_targets=asked.targets == "all",
        progress=not quiet,
        values=values,
    )
    result.remarks = [drawn_remark(asked.draws, len(result.runs))] if values else order_notes(result)
    return result, plane


def drawn_remark(draws: Path | None, runs: int) -> str:
    """Say what the spread of replications holds whose numbers are drawn from a fit."""
    if runs == 1:
        return f"the fitted numbers are the first draw of {draws}; more --replications show how sure they are"
    return (
        f"each replication has its own draw of the fitted numbers, from {draws}: intervals and bands hold "
        "how uncertain these are, not luck alone"
    )


def _written(result: RunResult, folder: Path, asked: Asked, difference: Comparison | None) -> list[Path]:
    """Write the results, what changes without something, and the report if asked for; return the files."""
    has_log = asked.trace is not None and not asked.attempts  # which is for the trace, and no file
    with Progress("writing the results", shown=not asked.quiet):
        files = (result.without_log() if has_log else result).save(folder, force=asked.force)
        if difference is not None:
            files.append(difference.save(folder))
        if asked.report:
            from sim.report import write_report

            files.append(write_report(folder))
    return files


def _nobody(text: object) -> None:
    """Tell nobody."""


def run_document(
    result: RunResult,
    folder: Path | None = None,
    files: Sequence[Path] = (),
    difference: Comparison | None = None,
    trace: Path | None = None,
) -> dict[str, Any]:
    """Return a run as a program reads it: `summary.json`, and what stands beside it.

    Args:
        folder: Where the files are; None if nothing was written.
        files: What was written.
        difference: What changes without something; None if nobody asked.
        trace: The trace that was written; None if nobody asked.
    """
    from sim.cli.documents.problems import problem_dicts  # for those who ask

    return {
        **result.summary_dict(),
        "plane": result.plane,
        "wall_s": round(result.wall_s, 3),
        "warnings": problem_dicts(result.scenario.warnings()),
        "remarks": list(result.remarks),
        "without": None if difference is None else difference.as_dict(),
        "folder": folder,
        "files": [path.name for path in files],
        "trace": trace,
    }


def _traced(loaded: Scenario, trace: Path | None, devices: tuple[str, ...], *, force: bool) -> DeviceChoice:
    """Return which devices a trace shows, and refuse those that are not there, and a file that is."""
    if trace is None:
        if devices:
            raise click.UsageError("--trace-devices says which devices --trace FILE shows; it needs --trace")
        return 0
    from sim.campaign.layout.build_spec import build_names, build_spec
    from sim.traces.chosen import SHOWN, chosen_devices
    from sim.traces.trace_file import check_trace

    check_trace(trace, force=force)
    words = [word.strip() for given in devices for word in given.split(",") if word.strip()]
    if not words:
        return SHOWN
    names = build_names(loaded, build_spec(loaded))
    is_number = (
        len(words) == 1 and words[0].isascii() and words[0].isdecimal() and names.index_of(words[0]) < 0
    )
    chosen: DeviceChoice = int(words[0]) if is_number else words
    chosen_devices(loaded, names, chosen, argument="--trace-devices")
    return chosen


def _loaded(path: str, without: tuple[str, ...], *, quiet: bool) -> Scenario:
    """Return the scenario of a file, and print its warnings on stderr unless all is to be quiet."""
    from sim.scenario import load_scenario

    loaded = load_scenario(path)
    if without:
        from sim.study.pairs.without import lacking

        lacking(loaded, without)  # what can't be taken away is said before the work, not after it
    warn([] if quiet else loaded.warnings())
    return loaded


def _difference(
    result: RunResult, without: tuple[str, ...], *, plane: Plane, quiet: bool
) -> Comparison | None:
    """Run a result's scenario without something, and say what that changes; in a sentence only if quiet."""
    if not without:
        return None
    from sim.study.pairs.run import compare_without

    found = compare_without(result, without, plane=plane, progress=not quiet)
    say(found.headline if quiet else f"{found}\n")
    return found


def _most(loaded: Scenario, precision: tuple[str, ...]) -> int:
    """Return how many replications a scenario asks for, or a precision takes at most."""
    if not precision:
        return loaded.run.replications
    from sim.study.engine.stopping import MOST  # studies take as long to import as a small run

    return MOST


def _enough(
    loaded: Scenario,
    precision: tuple[str, ...],
    most: int | None,
    *,
    quiet: bool,
    seed: int | None,
    plane: Plane,
) -> int:
    """Return how many replications are enough, and say how that was found out.

    They are run with metrics only to find out, then once more for everything else: the looks at the
    precision must not depend on what is kept of a run.
    """
    from sim.study import replicate

    found = replicate(
        loaded, precision=precision, replications=most, seed=seed, plane=plane, progress=not quiet
    )
    if not quiet:
        say(found.looked)
    return found.replications


def _code(result: RunResult) -> ExitCode:
    """Return the exit code, and name expectations that were not met on stderr and beside their lines."""
    from sim.results.display.text import actual_texts

    broken = [verdict for verdict in result.expectations if verdict.met is False]
    if broken:
        from sim.testing.expectation_tests import lines_of  # for the rows, if somebody must look there

        lines = lines_of(result.scenario)
        actuals = actual_texts(result)
    for number, verdict in enumerate(result.expectations):
        if verdict.met is False:
            click.echo(f"Not met: {verdict.metric} {verdict.expected}", err=True)
            line = lines[number]
            message = f"expected {verdict.expected}, actual {actuals[number]}"
            if line.key != verdict.metric:
                message += f" ({verdict.metric})"
            place = Problem(line.key, message, line.row, file=result.scenario.source.name)
            annotate("error", place, title="Expectation not met")
    return ExitCode.EXPECTATION_FAILED if broken else ExitCode.DONE
