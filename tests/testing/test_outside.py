"""The installed plugin, in a folder that has nothing to do with this project, in processes of its own."""

import os
import shutil
import subprocess
import sys

import pytest

from support.small_scenario import CHANGED_BY_5_PERCENT, scenario_text

LIGHT_MS_MAX = 30


@pytest.fixture(scope="module")
def installation(tmp_path_factory, repository):
    """Return a path on which the package is installed as by a wheel: it says what it has, and what for.

    The files themselves stay where they are: kernels in another place would be compiled anew.
    """
    folder = tmp_path_factory.mktemp("site")
    info = folder / "fleet_upgrade_sim-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: fleet-upgrade-sim\nVersion: 0.1.0\n")
    (info / "entry_points.txt").write_text("[pytest11]\nfleetsim = sim.testing.plugin\n")
    # pytest rewrites the assertions of all that a plugin's installation lists: so do we list everything.
    files = [path.relative_to(repository).as_posix() for path in (repository / "sim").rglob("*.py")]
    (info / "RECORD").write_text("".join(f"{name},,\n" for name in files))
    return f"{folder}{os.pathsep}{repository}"


@pytest.fixture
def elsewhere(installation, tmp_path):
    """Return what runs Python in another folder, with the installed package."""
    (tmp_path / "scenarios").mkdir()
    for name in ("one", "two"):
        text = scenario_text(name, more='expect: {pending: "== 0", failed: "<= 200", attempts: ">= 200"}')
        (tmp_path / "scenarios" / f"{name}.yaml").write_text(text, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": installation}
    for name in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS", "PYTEST_XDIST_WORKER"):
        environment.pop(name, None)

    def run(*words, **more):
        env = environment | more
        command = [sys.executable, *words]
        return subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)

    return run


PYTEST = ("-m", "pytest", "-q", "-p", "no:schemathesis", "-p", "no:nbmake", "-p", "no:hypothesispytest")


def test_plugin__works_in_any_folder_once_the_package_is_installed(elsewhere, tmp_path):
    """`pytest scenarios/` is all there is to do; baselines appear beside the scenarios."""
    made = elsewhere(*PYTEST, "scenarios", "--scenario-update", "--reason", "first")
    after = elsewhere(*PYTEST, "scenarios")

    assert "6 passed" in made.stdout
    assert "2 failed" in made.stdout
    assert (after.returncode, "8 passed" in after.stdout) == (0, True), after.stdout + after.stderr
    assert {path.name for path in (tmp_path / "scenarios" / "baselines").iterdir()} == {
        "one.json",
        "two.json",
    }


COUNTING = """\
import os
import sim.testing.case as case

def counted(name):
    original = getattr(case, name)
    def run(*args):
        with open(os.environ["RUNS"], "a") as file:
            file.write(f"{name}\\n")
        return original(*args)
    setattr(case, name, run)

counted("make_trial")
counted("more_samples")
"""


@pytest.mark.slow
def test_plugin__gives_the_same_results_with_any_number_of_workers(elsewhere, tmp_path):
    """Tests of one scenario share its runs even if they land on different workers."""
    elsewhere(*PYTEST, "scenarios", "--scenario-update", "--reason", "first")
    (tmp_path / "scenarios" / "two.yaml").write_text(scenario_text("two", **CHANGED_BY_5_PERCENT))
    (tmp_path / "conftest.py").write_text(COUNTING)
    lines, runs = {}, {}
    for workers in ("0", "3"):
        log = tmp_path / f"runs-{workers}"
        done = elsewhere(*PYTEST, "scenarios", "-n", workers, "-rA", "--dist", "load", RUNS=str(log))
        lines[workers] = sorted(
            line for line in done.stdout.splitlines() if line.startswith(("PASSED", "FAILED", "  time_"))
        )
        runs[workers] = sorted(log.read_text().split())

    assert any(line.startswith("FAILED scenarios/two.yaml::baseline - time_") for line in lines["0"])
    assert len(lines["0"]) >= 7
    assert lines["3"] == lines["0"]
    assert runs["3"] == runs["0"] == ["make_trial", "make_trial", "more_samples"]


def test_plugin__loads_nothing_where_there_are_no_scenarios(elsewhere, tmp_path):
    """A test run without scenarios has neither numpy nor pydantic in memory because of us."""
    shutil.rmtree(tmp_path / "scenarios")
    (tmp_path / "test_light.py").write_text(
        "import sys\n"
        "def test_light():\n"
        "    ours = [name for name in sys.modules if name.partition('.')[0] == 'sim']\n"
        "    names = ('discovery', 'plugin', 'scheduling', 'session')\n"
        "    inner = ['sim.testing', *map('sim.testing.{}'.format, names)]\n"
        "    assert sorted(ours) == ['sim', *inner, 'sim.version']\n"
        "    assert not {'numpy', 'pandas', 'pydantic', 'numba', 'ruamel'} & set(sys.modules)\n"
    )

    done = elsewhere(*PYTEST, "-p", "no:benchmark", "-p", "no:pytest_regressions")

    assert "1 passed" in done.stdout, done.stdout + done.stderr


@pytest.mark.bench
def test_plugin__costs_little_where_there_are_no_scenarios(elsewhere):
    """Importing the plugin after pytest takes no more than 30 ms."""
    timed = (
        "import pytest, time\nstart = time.perf_counter()\nimport sim.testing.plugin\n"
        "print((time.perf_counter() - start) * 1000)"
    )
    best_ms = min(float(elsewhere("-c", timed).stdout) for _ in range(5))

    assert best_ms <= LIGHT_MS_MAX
