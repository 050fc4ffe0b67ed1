"""What tests of planes need: kernels that are not there, and lines that were not said yet."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sim.fleet import jit, kernel_files
from sim.planes import choice

TINY = """\
name: tiny
fleet: {cohorts: [{name: gateway, devices: 50}]}
failures: [{stage: install, code: 10, probability: 30 %}]
campaign: {package: {version: "2.0", size: 1 MiB}}
run: {until: 1 d}
"""


class Machine:
    """A user's machine with a cache of its own, and a scenario in the folder where he is."""

    def __init__(self, folder: Path) -> None:
        """Begin with an empty cache."""
        self.folder = folder
        self.cache = folder / "cache"
        (folder / "tiny.yaml").write_text(TINY)

    @property
    def kernels(self) -> Path:
        """The folder of this version's kernels."""
        return next((self.cache / "fleetsim").glob("kernels-*"))

    def copy_kernels(self) -> None:
        """Have the kernels that this test run has."""
        assert jit.CACHE_FOLDER is not None
        shutil.copytree(jit.CACHE_FOLDER.parent, self.cache / "fleetsim", ignore=self._others)

    def _others(self, folder: str, names: list[str]) -> set[str]:
        """Leave kernels of other versions out."""
        mine = jit.CACHE_FOLDER
        assert mine is not None
        return {name for name in names if name.startswith("kernels-") and name != mine.name}

    def run(self, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        """Run a command there."""
        given = {"PATH": os.environ["PATH"], "XDG_CACHE_HOME": str(self.cache), "MPLBACKEND": "Agg"}
        return subprocess.run(
            [sys.executable, "-m", "sim", *arguments],
            cwd=self.folder,
            env={**given, **environment},
            capture_output=True,
            text=True,
            check=False,
        )

    def plane(self) -> str:
        """Return what the manifest of the last run says about the plane."""
        manifest = (self.folder / "out/tiny/manifest.json").read_text()
        return "simpy" if '"plane": "simpy"' in manifest else "compiled"


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """Return a machine with an empty cache."""
    return Machine(tmp_path)


@pytest.fixture
def no_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process believe that nothing is compiled, and that it has told nobody so far."""
    monkeypatch.setattr(kernel_files._Known, "ready", False)
    monkeypatch.setattr(choice, "_SAID", set())
