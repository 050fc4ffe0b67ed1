"""The compile cache in a copy of the package whose sources may be edited."""

import ast
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

import sim
from sim.fleet.kernel_cache import source_files, tree_of

PACKAGE = Path(sim.__file__).parent
DECORATORS = {"kernel", "inlined", "called", "cold"}
CALLEE = "from sim.fleet.jit import inlined\n\n\n@inlined\ndef more(x):\n    return x + {step}\n"
CALLER = (
    "from sim.fleet.compiled.callee import more\nfrom sim.fleet.jit import kernel\n\n\n"
    "@kernel\ndef twice(x):\n    return 2 * more(x)\n"
)
MAIN = "from sim.fleet.compiled.caller import twice\nprint(twice(1), sum(twice.stats.cache_hits.values()))\n"
DAY_S = 86_400.0


def edit(file, change):
    """Replace the text of a file by what `change` makes of it."""
    file.write_text(change(file.read_text()))


def run_in(folder, cache, **environment):
    """Run the caller of the copy in a new process."""
    return subprocess.run(
        [sys.executable, "-c", MAIN],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "XDG_CACHE_HOME": str(cache), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def copy(tmp_path, repository):
    """Return a folder with a copy of the package, and a function that runs Python there."""
    shutil.copytree(repository / "sim", tmp_path / "sim", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "sim/fleet/compiled/caller.py").write_text(CALLER)
    (tmp_path / "sim/fleet/compiled/callee.py").write_text(CALLEE.format(step=1))

    def run(**environment):
        return run_in(tmp_path, tmp_path / "cache", **environment)

    return tmp_path, run


def test_cache__is_used_and_never_stale(copy):
    """A second process finds what the first compiled; an edited callee in another module is seen."""
    folder, run = copy
    assert run().stdout.split() == ["4", "0"]
    assert run().stdout.split() == ["4", "1"]

    (folder / "sim/fleet/compiled/callee.py").write_text(CALLEE.format(step=10))

    assert run().stdout.split() == ["22", "0"]


def test_cache__follows_the_numbers_of_the_rules(copy):
    """Kernels are compiled with numbers of `sim.rules` in them, so an edit there counts as well."""
    folder, run = copy
    run()

    edit(folder / "sim/rules/stages.py", lambda text: text + "\nANOTHER = 1\n")

    assert run().stdout.split() == ["4", "0"]


def test_cache__is_not_outdated_by_words_or_by_what_is_not_compiled(copy):
    """Comments, docstrings, moved lines and edits of the other plane find the kernels there were."""
    folder, run = copy
    run()

    edit(folder / "sim/fleet/compiled/caller.py", lambda text: '"""A docstring."""\n\n# Words.\n\n' + text)
    edit(folder / "sim/rules/stages.py", lambda text: text + "# A remark.\n")
    edit(folder / "sim/fleet/reference/plane.py", lambda text: text + "\nANOTHER = 1\n")

    assert run().stdout.split() == ["4", "1"]


def test_cache__is_found_from_another_folder(copy, tmp_path_factory):
    """Two checkouts of one version share their kernels: only the code counts, not where it lies."""
    folder, run = copy
    run()
    other = tmp_path_factory.mktemp("other")
    shutil.copytree(folder / "sim", other / "sim", ignore=shutil.ignore_patterns("__pycache__"))

    assert run_in(other, folder / "cache").stdout.split() == ["4", "1"]


def test_cache__forgets_versions_that_nobody_used_for_a_month(copy):
    """Kernels unused for 30 days go, with the digests of their sources; younger ones and others stay."""
    folder, run = copy
    cache = folder / "cache/fleetsim"
    for name, unused_days in (("kernels-old", 31), ("kernels-young", 29), ("mine", 99)):
        (cache / name).mkdir(parents=True)
        (cache / name / "code.nbc").touch()
        (cache / name / ".used").touch()
        for path in (cache / name / ".used", cache / name):
            os.utime(path, (0, time.time() - unused_days * DAY_S))
    (cache / "sources-old").touch()
    os.utime(cache / "sources-old", (0, time.time() - 31 * DAY_S))

    run()

    left = {path.name for path in cache.iterdir()}
    assert {"kernels-young", "mine"} < left
    assert not {name for name in left if "old" in name}


def test_cache__in_use_stays_however_old_it_is(copy):
    """The kernels of this version are found after any pause, and the look at them counts as their use."""
    folder, run = copy
    run()
    (mine,) = (folder / "cache/fleetsim").glob("kernels-*")
    for path in (mine / ".used", mine):
        os.utime(path, (0, time.time() - 99 * DAY_S))

    assert run().stdout.split() == ["4", "1"]
    assert time.time() - (mine / ".used").stat().st_mtime < DAY_S


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


def test_tree_of__sees_code_and_nothing_else():
    """Two texts of one program have one tree; another number, name or string in use has another."""
    plain = b"A = 1\n\n\ndef f(x):\n    return x + A\n"
    wordy = b'"""Module."""\n\nA = 1  # one\n"""Of A."""\n\ndef f(x):\n    """Add."""\n    return (x + A)\n'

    assert tree_of(plain) == tree_of(wordy)
    for code in (plain.replace(b"= 1", b"= 2"), plain.replace(b"x", b"y"), plain.replace(b"x + A", b"'A'")):
        assert tree_of(code) != tree_of(plain)


def file_of(name):
    """Return the file of a module or package of ours; None for anything else."""
    stem = PACKAGE.parent / name.replace(".", "/")
    files = [file for file in (stem.with_suffix(".py"), stem / "__init__.py") if file.exists()]
    return files[0] if name.startswith("sim.") and files else None


def imports_of(tree):
    """Yield the files of ours that a module imports, or imports something from."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                yield file_of(f"{node.module}.{alias.name}") or file_of(node.module)
        elif isinstance(node, ast.Import):
            yield from (file_of(alias.name) for alias in node.names)


def has_kernels(tree):
    """Tell whether a module defines anything that is compiled."""
    return any(
        isinstance(decorator, ast.Name) and decorator.id in DECORATORS
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
        for decorator in node.decorator_list
    )


def test_sources__cover_every_kernel_and_whatever_it_imports():
    """A module with a kernel, or one that such a module imports, is never outside the digest."""
    trees = {file: ast.parse(file.read_bytes()) for file in PACKAGE.rglob("*.py")}
    waiting = [file for file, tree in trees.items() if has_kernels(tree)]
    needed = set()
    while waiting:
        file = waiting.pop()
        if file not in needed:
            needed.add(file)
            waiting.extend(found for found in imports_of(trees[file]) if found)

    assert len(needed) > 20
    assert needed <= set(source_files())
