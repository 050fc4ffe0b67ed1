"""The compile cache: its two traps, in a copy of the package whose sources may be edited."""

import os
import shutil
import subprocess
import sys

import pytest

CALLEE = "from sim.fleet.jit import inlined\n\n\n@inlined\ndef more(x):\n    return x + {step}\n"
CALLER = (
    "from sim.fleet.jit import kernel\nfrom sim.fleet.callee import more\n\n\n"
    "@kernel\ndef twice(x):\n    return 2 * more(x)\n\n\n"
    "print(twice(1), sum(twice.stats.cache_hits.values()))\n"
)


@pytest.fixture
def copy(tmp_path, repository):
    """Return a folder with a copy of the package, and a function that runs Python there."""
    shutil.copytree(repository / "sim", tmp_path / "sim", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "sim/fleet/caller.py").write_text(CALLER)
    (tmp_path / "sim/fleet/callee.py").write_text(CALLEE.format(step=1))

    def run(**environment):
        return subprocess.run(
            [sys.executable, "-m", "sim.fleet.caller"],
            cwd=tmp_path,
            env={"PATH": os.environ["PATH"], "XDG_CACHE_HOME": str(tmp_path / "cache"), **environment},
            capture_output=True,
            text=True,
            check=False,
        )

    return tmp_path, run


def test_cache__is_used_and_never_stale(copy):
    """A second process finds what the first compiled; an edited callee in another module is seen."""
    folder, run = copy
    assert run().stdout.split() == ["4", "0"]
    assert run().stdout.split() == ["4", "1"]

    (folder / "sim/fleet/callee.py").write_text(CALLEE.format(step=10))

    assert run().stdout.split() == ["22", "0"]


def test_cache__follows_the_numbers_of_the_rules(copy):
    """Kernels are compiled with numbers of `sim.rules` in them, so an edit there counts as well."""
    folder, run = copy
    run()

    with (folder / "sim/rules/timers.py").open("a") as file:
        file.write("# edited\n")

    assert run().stdout.split() == ["4", "0"]


def test_cache__that_can_not_be_written_is_a_warning(copy):
    """Work goes on without a cache, and the warning says where and what to do."""
    folder, run = copy
    (folder / "no-folder").touch()

    done = run(XDG_CACHE_HOME=str(folder / "no-folder"))

    assert done.returncode == 0
    assert done.stdout.split() == ["4", "0"]
    assert done.stderr.count("RuntimeWarning") == 1
    assert str(folder / "no-folder") in done.stderr
    assert "NUMBA_CACHE_DIR" in done.stderr
    assert run(NUMBA_CACHE_DIR=str(folder / "mine")).stderr == ""
    assert list((folder / "mine").rglob("*.nbi"))
