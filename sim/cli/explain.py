"""`fleetsim explain`: tell what limits a campaign; or what one device did, and what would have saved it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sim.cli.answer import Answer, json_option, say, warn
from sim.cli.options import plane_option, trace_option
from sim.progress import Progress

if TYPE_CHECKING:
    from sim.explain import Explanation, Limits
    from sim.planes.choice import PlaneChoice


def _png(context: click.Context, parameter: click.Parameter, path: Path | None) -> Path | None:
    """Refuse a name that promises another format."""
    if path is not None and path.suffix.lower() != ".png":
        raise click.BadParameter(f"'{path}' is no name of a PNG file; end it with .png")
    return path


@click.command("explain")
@click.argument("scenario")
@click.argument("device_id", required=False)
@click.option("--seed", type=click.IntRange(0, 2**64 - 1), help="Seed instead of the scenario's.")
@click.option(
    "--replication", type=click.IntRange(0), default=0, show_default=True, help="Which run of that seed."
)
@plane_option
@click.option(
    "--out",
    metavar="PNG",
    type=click.Path(dir_okay=False, path_type=Path),
    callback=_png,
    help="Also draw the story into this file; an earlier one is replaced.",
)
@trace_option
@click.option("--force", is_flag=True, help="Let --trace replace an earlier file.")
@json_option("explain")
def command(
    scenario: str,
    device_id: str | None,
    seed: int | None,
    replication: int,
    plane: PlaneChoice,
    out: Path | None,
    trace: Path | None,
    *,
    force: bool,
) -> Answer:
    """Tell what limits a campaign, or what one device did and waited for.

    Without a device the campaign is run again under the same draws with one thing eased at a time: twice
    the places, twice the bandwidth, no windows and so on. The answer names what helps most.

    With a device it tells its story, attempt by attempt. If it did not succeed, the campaign is run again
    with one thing changed at a time: more retries, a longer interval, more bandwidth, no outages and so
    on. The answer names the mildest change of each kind that would have saved the device.

    Device ids are those of targets.parquet, like meter-0000042.
    """
    from sim.scenario import load_scenario

    _check_outputs(device_id, out, trace, force=force)
    loaded = load_scenario(scenario)
    warn(loaded.warnings())
    with Progress("trying changes", total=1.0) as progress:
        again: dict[str, Any] = {"seed": seed, "replication": replication, "plane": plane}
        again["progress"] = progress.reach
        if device_id is None:
            from sim.explain.campaign import limits

            limited = limits(loaded, **again)
            say(limited)
            return Answer(lambda: explain_document(limited))
        from sim.explain import explain  # takes as long as a small run; help doesn't wait for it

        story = explain(loaded, device_id, **again)
    return _told(story, out, trace, force=force)


def _told(story: Explanation, out: Path | None, trace: Path | None, *, force: bool) -> Answer:
    """Print a device's story, and write its picture and its trace."""
    if out is not None:
        story.save(out)
    if trace is not None:
        story.trace(trace, force=force)
    say(story)
    written = [str(path) for path in (out, trace) if path is not None]
    if written:
        say(f"\nWritten to {', '.join(written)}")
    return Answer(lambda: explain_document(story, out, trace))


def _check_outputs(device_id: str | None, out: Path | None, trace: Path | None, *, force: bool) -> None:
    """Refuse files that need a device, and a trace that is there: before the work, not after it."""
    if device_id is None and out is not None:
        raise click.UsageError("--out draws the story of a device; name one")
    if device_id is None and trace is not None:
        raise click.UsageError(
            "--trace shows the story of a device; name one, or trace many: fleetsim run SCENARIO --trace FILE"
        )
    if trace is not None:
        from sim.traces.trace_file import check_trace

        check_trace(trace, force=force)  # before the work, not after it


def explain_document(
    found: Limits | Explanation, out: Path | None = None, trace: Path | None = None
) -> dict[str, Any]:
    """Return an explanation as a program reads it.

    Args:
        found: What limits the campaign, or one device's story.
        out: The picture that was drawn.
        trace: The trace that was written.
    """
    from sim.cli.documents.of_explanations import limits_dict, story_dict  # for those who ask
    from sim.cli.documents.problems import problem_dicts
    from sim.explain import Limits

    run = found.run
    return {
        "scenario": run.scenario.name,
        "seed": run.seed,
        "replication": run.replication,
        "plane": run.plane,
        "limits": limits_dict(found) if isinstance(found, Limits) else None,
        "device": None if isinstance(found, Limits) else story_dict(found),
        "warnings": problem_dicts(run.scenario.warnings()),
        "folder": None if out is None else out.parent,
        "files": [] if out is None else [out.name],
        "trace": trace,
    }
