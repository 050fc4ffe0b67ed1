"""Tests of the folder's lock: one process at a time, whatever is in the folder."""

import subprocess
import sys
import time

import pytest

from sim.emulator.clock import VirtualClock
from sim.emulator.journal.lock import FolderLock
from sim.emulator.state_folder import open_session
from sim.emulator.world import LAST_TICK
from sim.errors import ScenarioError
from support.emulator import scenario_of

HOLD = """
import sys, time
from pathlib import Path
from sim.emulator.journal.lock import FolderLock
lock = FolderLock(Path(sys.argv[1]))
print("held", flush=True)
time.sleep(60)
"""


def test_lock__is_had_once_at_a_time(tmp_path):
    """The second one is told so at once; after a release it has the folder."""
    first = FolderLock(tmp_path)
    with pytest.raises(ScenarioError, match="in use by another server; stop that one first"):
        FolderLock(tmp_path)
    first.release()
    first.release()
    FolderLock(tmp_path).release()


def test_lock__ends_with_its_process(tmp_path):
    """A server that was killed keeps nobody out."""
    with subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"held\n"
        with pytest.raises(ScenarioError, match="in use"):
            FolderLock(tmp_path)
        process.kill()
        process.wait()
    FolderLock(tmp_path).release()


def test_lock__is_taken_before_anybody_looks(tmp_path):
    """While one server begins a journal, another one that finds none yet doesn't begin one, too."""
    lock = FolderLock(tmp_path)
    with pytest.raises(ScenarioError, match="in use"):
        open_session(tmp_path, VirtualClock("manual", limit_ticks=LAST_TICK), scenario=scenario_of())
    lock.release()

    assert [path.name for path in tmp_path.iterdir()] == ["journal.lock"]


def test_lock__goes_back_when_a_session_is_refused(tmp_path, make_session):
    """A refused start leaves the folder to others."""
    make_session(folder=tmp_path, scenario=scenario_of()).close()
    with pytest.raises(ScenarioError, match="another folder"):
        make_session(folder=tmp_path, scenario=scenario_of(name="other"))
    make_session(folder=tmp_path).close()


def test_lock__a_folder_that_is_not_there(tmp_path):
    """What can't be had is said with its reason."""
    with pytest.raises(ScenarioError, match="can't be written: No such file"):
        FolderLock(tmp_path / "absent")


@pytest.mark.slow
def test_lock__of_many_that_begin_at_once_one_serves(tmp_path):
    """Eight servers on one new folder: one is there, seven end with a sentence."""
    state = tmp_path / "state"
    command = [sys.executable, "-m", "sim", "serve", "--port", "0", "--no-auth", "--state", str(state)]
    servers = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(8)
    ]
    deadline = time.monotonic() + 60
    while sum(server.poll() is None for server in servers) > 1 and time.monotonic() < deadline:
        time.sleep(0.05)
    alive = [server for server in servers if server.poll() is None]
    refused = [server for server in servers if server.poll() is not None]
    said = [server.communicate()[1] for server in refused]
    for server in alive:
        server.kill()
        server.communicate()

    assert (len(alive), len(refused)) == (1, 7)
    assert all(server.returncode == 2 for server in refused)
    assert all("in use by another server" in text for text in said)
