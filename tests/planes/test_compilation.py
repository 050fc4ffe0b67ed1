"""Tests of the cache and of `fleetsim compile`, on machines of their own."""

import fcntl
import json
import subprocess
import sys

import pytest

from sim.fleet import jit, kernel_files
from sim.fleet.jit import JIT_ENABLED
from sim.planes.compilation import compile_kernels

pytestmark = pytest.mark.skipif(not JIT_ENABLED, reason="nothing is compiled")


class Recorder:
    """A display that remembers."""

    def __init__(self):
        """Begin empty."""
        self.shown = []
        self.closed = []

    def show(self, done, total, name):
        """Remember."""
        self.shown.append((done, total, name))

    def close(self, done):
        """Remember."""
        self.closed.append(done)


def is_progress(line):
    """Tell whether a line only says how far work is that takes more than a second on a slow machine."""
    return line.startswith(("simulating: ", "writing the results: "))


def test_first_run__compiles_nothing_and_has_the_same_result(machine):
    """With an empty cache a small run answers at once; the digest is that of the compiled plane."""
    first = machine.run("run", "tiny.yaml")
    simpy, codes = machine.plane(), list(machine.cache.rglob("*.nbc"))
    machine.cache = machine.folder / "other"
    machine.copy_kernels()
    second = machine.run("run", "tiny.yaml")

    assert (first.returncode, simpy, codes) == (0, "simpy", [])
    said, *progress = first.stderr.splitlines()
    assert "fleetsim compile" in said
    assert (second.returncode, machine.plane()) == (0, "compiled")
    assert all(is_progress(line) for line in [*progress, *second.stderr.splitlines()])
    digest = "\nDigest "
    assert first.stdout.partition(digest)[2].split()[0] == second.stdout.partition(digest)[2].split()[0]


def test_first_run__quiet_says_nothing(machine):
    """`--quiet` keeps the line about the plane back, too."""
    done = machine.run("run", "tiny.yaml", "--quiet")

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_compile__writes_the_record_that_makes_a_run_compiled(machine):
    """Kernels without a record count as absent; compiling loads them, and writes the record."""
    machine.copy_kernels()
    (record,) = machine.kernels.glob("complete-*.json")
    record.unlink()

    before = machine.run("run", "tiny.yaml"), machine.plane()
    done = machine.run("compile")
    after = machine.run("run", "tiny.yaml"), machine.plane()

    assert (before[0].returncode, before[1]) == (0, "simpy")
    assert done.returncode == 0
    assert str(machine.kernels) in done.stdout
    assert record.exists()
    assert (after[0].returncode, after[1]) == (0, "compiled")
    assert "were there" in machine.run("compile").stdout


def test_compile__mends_what_is_broken(machine):
    """A file that was cut short is noticed before it is loaded, and made anew; nothing else is."""
    machine.copy_kernels()
    code = next(machine.kernels.rglob("calls.mark_ready*.nbc"))
    code.write_bytes(code.read_bytes()[:100])

    run = machine.run("run", "tiny.yaml")
    plane = machine.plane()
    done = machine.run("compile")
    again = machine.run("run", "tiny.yaml")

    assert (run.returncode, plane) == (0, "simpy")
    assert (done.returncode, again.returncode, machine.plane()) == (0, 0, "compiled")
    assert code.stat().st_size > 100


def test_run__goes_on_with_an_index_that_is_rubbish(machine):
    """What numba can't read is compiled anew, with a warning that names the file."""
    machine.copy_kernels()
    index = next(machine.kernels.rglob("calls.mark_ready*.nbi"))
    index.write_bytes(b"rubbish" * 1000)

    done = machine.run("run", "tiny.yaml")

    assert (done.returncode, machine.plane()) == (0, "compiled")
    assert index.name in done.stderr
    assert "compiled anew" in done.stderr


def test_run__without_a_place_for_kernels_or_without_a_compiler(machine):
    """Both run on the other plane, and say why; `compile` refuses, since it would be of no use."""
    machine.cache.write_text("no folder")
    unkept, refused = machine.run("run", "tiny.yaml"), machine.run("compile")
    plain = machine.run("run", "tiny.yaml", NUMBA_DISABLE_JIT="1")
    also_refused = machine.run("compile", NUMBA_DISABLE_JIT="1")

    assert (unkept.returncode, plain.returncode, machine.plane()) == (0, 0, "simpy")
    assert "can't be kept" in unkept.stderr
    assert "NUMBA_DISABLE_JIT" in plain.stderr
    assert (refused.returncode, also_refused.returncode) == (2, 2)
    assert "can't be kept" in refused.stderr
    assert "NUMBA_DISABLE_JIT" in also_refused.stderr


def test_compile__waits_for_another_process_and_says_so(machine):
    """Two that begin at once compile once: the second one waits, and finds the kernels."""
    machine.copy_kernels()
    (record,) = machine.kernels.glob("complete-*.json")
    kept = record.read_text()
    record.unlink()
    with (machine.kernels / ".compiling").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        waiting = subprocess.Popen(
            [sys.executable, "-m", "sim", "compile"],
            env={"XDG_CACHE_HOME": str(machine.cache)},
            stderr=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert waiting.stderr is not None
        line = waiting.stderr.readline()
        record.write_text(kept)
    out, _ = waiting.communicate(timeout=60)

    assert "another process" in line
    assert waiting.returncode == 0
    assert "there now" in out


def test_compile_kernels__tells_its_display_what_numba_compiles(monkeypatch):
    """The display hears of the function that is under way and, at the end, how many there were."""
    from sim.planes import compilation, warm_up

    monkeypatch.setattr(kernel_files._Known, "ready", False)
    monkeypatch.setattr(compilation, "look_again", lambda: False)
    monkeypatch.setattr(compilation, "kernels_are_compiled", lambda: None)
    monkeypatch.setattr(compilation, "_LOOK_S", 0.001)
    monkeypatch.setattr(warm_up, "run_all_kernels", _compile_something)
    recorder = Recorder()

    compile_kernels(recorder)

    assert "_more" in {name for _, _, name in recorder.shown}
    assert {total for _, total, _ in recorder.shown} == {len(jit.FUNCTION_NAMES)}
    assert recorder.closed == [1]


def _compile_something():
    """Compile a function that is in no cache."""
    import numba

    @numba.njit
    def _more(x):
        return x + 1

    assert _more(1) == 2


def test_record__holds_checksums_of_all_kernels(tmp_path, monkeypatch):
    """A record is complete with every file as it was; a changed, a missing or no file makes it incomplete."""
    code, index = tmp_path / "f.nbc", tmp_path / "f.nbi"
    code.write_bytes(b"code")
    index.write_bytes(b"index")
    monkeypatch.setattr(kernel_files, "_files", lambda: [code, index])
    assert not kernel_files.is_complete(tmp_path)

    kernel_files.write_record(tmp_path)
    assert kernel_files.is_complete(tmp_path)
    index.write_bytes(b"index that has grown")
    assert kernel_files.is_complete(tmp_path)

    code.write_bytes(b"code of another kind")
    assert not kernel_files.is_complete(tmp_path)
    kernel_files.remove_broken(tmp_path)
    assert not code.exists()
    assert index.exists()
    assert not kernel_files.is_complete(tmp_path)


@pytest.mark.parametrize("text", ["", "{}", "[]", "no JSON", json.dumps({"gone.nbc": 1})])
def test_record__that_says_nothing_useful(tmp_path, text):
    """Rubbish in the record's place is as good as no record."""
    kernel_files._record(tmp_path).write_text(text)

    assert not kernel_files.is_complete(tmp_path)
    kernel_files.remove_broken(tmp_path)
