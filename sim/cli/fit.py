"""`fleetsim fit`: fit a template's numbers to what was recorded of a campaign."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sim.cli.answer import Answer, json_option, say, warn
from sim.errors import Problem, ScenarioError
from sim.progress import Progress

if TYPE_CHECKING:
    from sim.calibration.files.patch import Change
    from sim.calibration.fit import Fit
    from sim.scenario import Scenario


@click.command("fit")
@click.argument("template")
@click.option("--data", required=True, metavar="PATH", help="Recording, table of attempts, or run log.")
@click.option(
    "--out",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Scenario with the fitted numbers; the fit itself goes beside it, as NAME.fit.json.",
)
@click.option(
    "--fixed",
    multiple=True,
    metavar="PATH",
    help="Number that stays as it is, or a section with all that is in it, like 'stages'. Repeatable.",
)
@click.option(
    "--prior",
    metavar="FILE",
    help="Earlier fit of the same fleet: its contact and times are believed, at twice their width, but not "
    "its failures.",
)
@click.option("--cohort-by", metavar="COLUMN", help="Column of the list of devices that names the cohort.")
@click.option("--task", metavar="ID", help="Task of the recording, if it has several.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Key of the draws.")
@click.option("--force", is_flag=True, help="Replace earlier files.")
@json_option("fit")
def command(template: str, *, out: Path, force: bool, seed: int, **given: Any) -> Answer:
    """Fit the numbers of TEMPLATE to what was recorded of a campaign.

    TEMPLATE is a scenario: its structure is kept, its numbers for online, spread, failures and stages are
    where the search begins. Each gets a 95 % interval and a grade; numbers that the data can't tell stay.
    """
    from sim.calibration.files.fit_writer import write_fit
    from sim.calibration.files.patch import patched
    from sim.scenario import load_scenario

    loaded = load_scenario(template)
    record = out.with_suffix(".fit.json")
    _check(loaded, out, record, force=force)
    warn(loaded.warnings())
    found = _fitted(loaded, seed, **given)
    text = patched(loaded, _changes(found), f"sha256:{found.data_digest[:16]}")
    say(fit_text(found))
    _write(out, text)
    write_fit(record, found)
    say(f"\nWritten: {out}, {record}")
    return Answer(lambda: _document(found, out, record))


def _check(template: Scenario, out: Path, record: Path, *, force: bool) -> None:
    """Refuse, before the work, files that are there, or that could not stand where they shall."""
    problems = [
        Problem("--out", "is there already; give another name, or --force", file=str(path))
        for path in (out, record)
        if path.exists() and not force
    ]
    if not out.parent.is_dir():
        problems.append(Problem("--out", f"there is no folder '{out.parent}'"))
    elif template.inventory is not None and out.parent.resolve() != template.source.folder.resolve():
        message = "must stand in the folder of the template, whose inventory is named relative to it"
        problems.append(Problem("--out", message))
    if problems:
        raise ScenarioError(problems)


def _fitted(
    template: Scenario,
    seed: int,
    *,
    data: str,
    fixed: tuple[str, ...],
    prior: str | None,
    cohort_by: str | None,
    task: str | None,
) -> Fit:
    """Read the data and fit."""
    from sim.calibration.files.earlier_fit import priors_of
    from sim.calibration.files.fit_file import read_fit
    from sim.calibration.fit import fit
    from sim.recording.loading import load_recording

    priors, notes = ({}, []) if prior is None else priors_of(read_fit(prior), template)
    warn(Problem("--prior", note) for note in notes)
    recording = load_recording(data, task=task, cohort_by=cohort_by)
    with Progress("fitting", total=1.0) as shown:
        return fit(template, recording.table, fixed=fixed, priors=priors, seed=seed, progress=shown.reach)


def _changes(found: Fit) -> list[Change]:
    """Return the numbers that go into the scenario: those that the data tell."""
    from sim.calibration.files.patch import Change
    from sim.calibration.fit import BOUND
    from sim.calibration.grades import NOT_IDENTIFIABLE

    told = zip(found.estimates.tolist(), found.low.tolist(), found.high.tolist(), found.grades, strict=True)
    return [
        Change(one.path, estimate, None if grade == BOUND else low, high)
        for one, (estimate, low, high, grade) in zip(found.unknowns, told, strict=True)
        if grade != NOT_IDENTIFIABLE
    ]


def fit_text(found: Fit) -> str:
    """Return the numbers of a fit, a line each, and its notes.

    Args:
        found: The fit.
    """
    from sim.calibration.files.patch import Change, interval_text, spelling
    from sim.calibration.grades import NOT_IDENTIFIABLE

    rows = [("", "estimate", "95 % interval", "")]
    changes = {change.path: change for change in _changes(found)}
    for one, grade in zip(found.unknowns, found.grades, strict=True):
        change = changes.get(one.path)
        if change is None:
            kept = f"template's {spelling(one, Change(one.path, one.value))} kept"
            rows.append((one.path, "-", "-", f"{NOT_IDENTIFIABLE}: {kept}"))
        else:
            ends = interval_text(one, change.low, change.high)
            rows.append((one.path, spelling(one, change), ends, grade))
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    lines = [f"{found.n_devices:,} devices, {found.n_attempts:,} attempts", ""]
    for path, *rest, grade in rows:
        cells = [path.ljust(widths[0]), *(cell.rjust(widths[i]) for i, cell in enumerate(rest, 1)), grade]
        lines.append("  ".join(cells).rstrip())
    return "\n".join([*lines, *(f"Note: {note}" for note in found.notes)])


def _write(path: Path, text: str) -> None:
    """Write the scenario."""
    from sim.atomic_files import write_whole

    write_whole(path, text)


def _document(found: Fit, out: Path, record: Path) -> dict[str, Any]:
    """Return the fit as a program reads it; draws stand in the file only."""
    from sim.calibration.files.fit_writer import fit_document

    whole = fit_document(found)
    keys = (
        "scenario",
        "data_digest",
        "devices",
        "attempts",
        "effective_draws",
        "pareto_k",
        "numbers",
        "notes",
    )
    return {**{key: whole[key] for key in keys}, "files": [str(out), str(record)]}
