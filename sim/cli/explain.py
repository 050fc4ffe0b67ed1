"""`fleetsim explain`: tell what limits a campaign; or what one device did, and what would have saved it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sim.cli.options import plane_option

if TYPE_CHECKING:
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
def command(
    scenario: str,
    device_id: str | None,
    seed: int | None,
    replication: int,
    plane: PlaneChoice,
    out: Path | None,
) -> None:
    """Tell what limits a campaign, or what one device did and waited for.

    Without a device the campaign is run again under the same draws with one thing eased at a time: twice
    the places, twice the bandwidth, no windows and so on. The answer names what helps most.

    With a device it tells its story, attempt by attempt. If it did not succeed, the campaign is run again
    with one thing changed at a time: more retries, a longer interval, more bandwidth, no outages and so
    on. The answer names the mildest change of each kind that would have saved the device.

    Device ids are those of targets.parquet, like meter-0000042.
    """
    from sim.scenario import load_scenario

    if device_id is None and out is not None:
        raise click.UsageError("--out draws the story of a device; name one")
    loaded = load_scenario(scenario)
    for warning in loaded.warnings():
        click.echo(f"Warning: {warning}", err=True)
    with _progress(shown=sys.stderr.isatty()) as advance:
        if device_id is None:
            from sim.explain.campaign import limits

            limited = limits(loaded, seed=seed, replication=replication, plane=plane, progress=advance)
            click.echo(limited)
            return
        from sim.explain import explain  # takes as long as a small run; help doesn't wait for it

        story = explain(loaded, device_id, seed=seed, replication=replication, plane=plane, progress=advance)
    if out is not None:
        story.save(out)
    click.echo(story)
    if out is not None:
        click.echo(f"\nWritten to {out}")


@contextmanager
def _progress(*, shown: bool) -> Iterator[Callable[[float], None]]:
    """Yield what takes the share done (0..1), and shows it if the work takes long."""
    if not shown:
        yield lambda share: None
        return
    from tqdm import tqdm

    layout = "{l_bar}{bar}| {elapsed} elapsed"
    with tqdm(total=1.0, desc="trying changes", delay=1.0, miniters=0, leave=False, bar_format=layout) as bar:
        yield lambda share: bar.update(share - bar.n)
