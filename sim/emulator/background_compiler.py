"""The compiler beside a server: a process of its own, and what requests get until it is done.

Decision: a fleet that is small enough for every call to be quick is served by the SimPy plane meanwhile,
instead of being refused: a script that is tried against a handful of devices works at once, also in a
container that begins with an empty cache, and the answers are the same. A larger one would keep everybody
waiting for seconds there, so what needs its fleet is refused with 503 and Retry-After, which clients know
to repeat; whatever needs none is answered.

The compiler is another process, instead of a thread: most of its work holds the interpreter.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from sim.emulator.deferred_fleet import compiled_fleet, load_compiled_plane
from sim.rules import codes

if TYPE_CHECKING:
    from types import ModuleType

    from sim.fleet.protocol import Fleet
    from sim.fleet.spec import FleetSpec
    from sim.scenario import Scenario

SMALL_DEVICES: Final = 2_000
"""Fleets of so many are served by the SimPy plane: with five retries each, about two seconds in all."""

_COHORTS: Final = 50
"""So many cohorts make an event of a shared network twice as dear there: it looks at each of them."""

_LOG: Final = logging.getLogger(__name__)
_NICENESS: Final = 10


def is_small(n_devices: int, n_cohorts: int) -> bool:
    """Tell whether the SimPy plane answers every call about a fleet within about two seconds."""
    return n_devices * (1 + n_cohorts // _COHORTS) <= SMALL_DEVICES


class BackgroundCompiler:
    """Sees to it that there are kernels, and chooses the plane until there are."""

    def __init__(self, say: Callable[[str], None] = _LOG.info) -> None:
        """Compile nothing yet.

        Args:
            say: Takes what the user is to read, line by line.
        """
        self._say = say
        self._process: subprocess.Popen[bytes] | None = None
        self._is_over = False

    def make_fleet(self, spec: FleetSpec) -> Fleet:
        """Return the device plane of a fleet, without compiling anything.

        Raises:
            ApiError: The fleet is large, and the kernels are not there yet.
        """
        if _compilation().kernels_ready():
            return compiled_fleet(spec)
        if not is_small(len(spec.cohort), len(spec.cohorts.link_rate)) and not self._is_over:
            raise codes.NOT_READY.api_error()
        from sim.fleet.reference import SimpyFleet  # here: few servers ever need it

        return SimpyFleet(spec)

    def compile_first(self, scenario: Scenario) -> None:
        """Compile here and now for a large fleet that has a past: it can't be resumed without kernels.

        Args:
            scenario: Whose fleet it is.
        """
        if not is_small(scenario.n_devices, len(scenario.fleet.cohorts)):
            _compilation().compile_kernels()

    def prepare(self) -> bool:
        """Load the compiled plane, and compile it if need be; to be called on a thread.

        Returns:
            Whether there are kernels now that were not there before.
        """
        load_compiled_plane()
        compilation = _compilation()
        if compilation.kernels_ready() or self._is_over:
            return False
        if not compilation.JIT_ENABLED or compilation.CACHE_FOLDER is None:
            self._is_over = True
            self._say("Nothing can be compiled and kept here: the SimPy plane serves, with equal answers.")
            return False
        self._say(
            f"Compiling the kernels beside; until then fleets of {SMALL_DEVICES:,} are served by the SimPy "
            "plane, with equal answers, and calls that need a larger one are answered with 503."
        )
        if self._run() and compilation.look_again():
            self._say("The kernels are compiled.")
            return True
        if not self._is_over:
            self._is_over = True
            self._say("The kernels could not be compiled: the SimPy plane serves, with equal answers.")
        return False

    def _run(self) -> bool:
        """Run the compiler in a process that leaves the processor to others; tell whether it succeeded."""
        command = [sys.executable, "-m", "sim", "compile", "--quiet"]
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        if hasattr(os, "setpriority"):
            os.setpriority(os.PRIO_PROCESS, self._process.pid, _NICENESS)
        if self._is_over:  # closed meanwhile
            self._process.terminate()
        return self._process.wait() == 0

    def close(self) -> None:
        """End the compiler; whoever still asks for a fleet gets the SimPy plane."""
        self._is_over = True
        if self._process is not None:
            self._process.terminate()


def _compilation() -> ModuleType:
    """Return the module that compiles; it loads the compiler, which a start does without."""
    from sim.planes import compilation

    return compilation
