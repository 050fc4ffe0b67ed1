"""`fleetsim compile`: compile the kernels ahead, so that no run waits for them."""

from __future__ import annotations

import click

from sim.cli.answer import Answer, json_option, say


@click.command("compile")
@click.option("--quiet", is_flag=True, help="Print nothing and show no progress.")
@json_option("compile")
def command(*, quiet: bool) -> Answer:
    """Compile everything that the fast device plane needs, once for this machine and version.

    Without it, small scenarios run on the SimPy plane until some larger one has compiled the kernels;
    the results are the same. A container image or a CI cache that should hold the kernels runs this
    once, and keeps the folder that it names.
    """
    from sim.planes.compilation import CACHE_FOLDER, JIT_ENABLED, compile_kernels, kernels_ready
    from sim.planes.display import SilentDisplay

    if not JIT_ENABLED:
        raise click.ClickException("NUMBA_DISABLE_JIT is set, so nothing can be compiled; unset it")
    if CACHE_FOLDER is None:
        raise click.ClickException("compiled kernels can't be kept, so there is no use in making them ahead")
    had_them = kernels_ready()
    compile_kernels(SilentDisplay() if quiet else None)
    if not quiet:
        say(f"{'All kernels were there' if had_them else 'All kernels are there now'}: {CACHE_FOLDER}")
    return Answer(lambda: {"folder": CACHE_FOLDER, "compiled": not had_them})
