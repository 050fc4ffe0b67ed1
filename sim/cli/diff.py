"""`fleetsim diff`: compare two results on disk."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sim.cli.answer import Answer, json_option, say
from sim.cli.exit_codes import ExitCode

if TYPE_CHECKING:
    from sim.testing.compare.comparison import Compared, Comparison
    from sim.testing.compare.result_diff import Result

_FOLDER = click.Path(path_type=Path, file_okay=False)


def _image(context: click.Context, parameter: click.Parameter, path: Path | None) -> Path | None:
    """Refuse a name that promises no image, or another format than can be written."""
    if path is not None:
        from sim.results.figures.style import image_kind  # for those who want a figure

        try:
            image_kind(path)
        except ValueError as error:
            raise click.BadParameter(str(error)) from None
    return path


@click.command("diff")
@click.argument("before", metavar="DIR_A", type=_FOLDER)
@click.argument("now", metavar="DIR_B", type=_FOLDER)
@click.option(
    "--figure",
    type=click.Path(path_type=Path, dir_okay=False),
    callback=_image,
    help="Also draw both completion curves, into this file (.png, .svg, .pdf).",
)
@json_option("diff")
def command(before: Path, now: Path, *, figure: Path | None) -> Answer:
    """Compare two results that `fleetsim run` has written: what moved, by how much, and where it began.

    First the digests: equal runs need no comparison. Else every metric is compared in pairs of
    replications, which have the same draws if the seeds are equal. With fewer than 32 replications,
    chance can't be told from change, and the metrics are held against their margins alone. With
    attempts.parquet in both folders the first device at which the runs part is named by its attempt.

    Results of different fleets are refused: their devices are no pairs. The exit code is 1 if a metric
    differs.
    """
    from sim.testing import messages
    from sim.testing.compare.result_diff import compare_results, curve_in, parting_of, read_result

    old, new = read_result(before), read_result(now)
    comparison = compare_results(old, new)
    if figure is not None:
        from sim.results.figures.overlay import save_overlay

        save_overlay(figure, f"{old.name} in {before}, {new.name} in {now}", curve_in(old), curve_in(new))
    if old.seed != new.seed:
        say(f"The seeds differ ({old.seed}, {new.seed}): the runs had different draws.")
    n = messages.replications_text(comparison.pairs)
    parting = parting_of(old, new) if comparison.moved else None
    if parting is not None:
        _show_moved(comparison)
        say(parting)
    elif comparison.is_fine:
        say(f"Equal in {n} (digest {new.digest[:16]}).")
    else:
        say(f"Equal in {n}, as far as both have the same metrics.")
    for word, names in (("only in DIR_B", comparison.appeared), ("only in DIR_A", comparison.vanished)):
        if names:
            say(f"Metrics {word}: {', '.join(names)}")
    code = ExitCode.DONE if comparison.is_fine else ExitCode.EXPECTATION_FAILED
    return Answer(lambda: _document(old, new, comparison, parting, figure), code)


def _document(
    old: Result, new: Result, comparison: Comparison, parting: str | None, figure: Path | None
) -> dict[str, Any]:
    """Return the comparison as a program reads it."""
    return {
        "equal": not comparison.moved and comparison.is_fine,
        "fine": comparison.is_fine,
        "pairs": comparison.pairs,
        "before": old.digest,
        "now": new.digest,
        "same_seed": old.seed == new.seed,
        "metrics": [_compared(item) for item in comparison.items],
        "only_before": comparison.vanished,
        "only_now": comparison.appeared,
        "parting": parting,
        "figure": figure,
    }


def _compared(item: Compared) -> dict[str, Any]:
    """Return a metric of both results as a program reads it."""
    return {
        "metric": item.subject.place,
        "answer": item.finding.answer,
        "before": item.subject.before[: len(item.now)],
        "now": item.now,
        "difference": item.finding.difference,
        "low": item.finding.low,
        "high": item.finding.high,
        "margin": item.finding.margin,
    }


def _show_moved(comparison: Comparison) -> None:
    """Print the metrics that differ; if none does, those that moved at all."""
    from sim.testing import messages
    from sim.testing.compare.equivalence import Answer

    moved = [item for item in comparison.items if item.finding.answer is not Answer.EQUAL]
    different = [item for item in moved if item.finding.answer is Answer.DIFFERENT]
    say(f"{messages.counts(comparison)} ({messages.how_compared(comparison)})")
    for line in messages.table(different or moved) if moved else ():
        say(line)
    hidden = messages.undecided(comparison)
    if hidden:
        say(f"{hidden[0].upper()}{hidden[1:]}")
