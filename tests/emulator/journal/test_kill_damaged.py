"""A server is killed, and its log damaged: never fewer commands without a message."""

import random
import shutil
import threading

import pytest

from sim.emulator.journal.backup import recover
from sim.emulator.journal.journal import Journal
from sim.emulator.journal.opening import FILE_NAME, WAL_NAME
from sim.errors import ScenarioError
from support.emulator import PACKAGE_ID, TASKS, ids
from support.journal import cut, flip, live_bytes, zero
from support.server import Client, Server, write_scenario

pytestmark = pytest.mark.slow

N_KILLS = 36


def flip_somewhere(rng, folder):
    """Change a bit of what counts in the log."""
    flip(rng.randrange(live_bytes(folder)))(folder / WAL_NAME)


def cut_somewhere(rng, folder):
    """Cut the log anywhere within what counts."""
    cut(rng.randrange(live_bytes(folder)))(folder / WAL_NAME)


def zero_somewhere(rng, folder):
    """Overwrite a sector or two, or all from a place on, with zeros."""
    lo = rng.randrange(live_bytes(folder)) // 512 * 512
    zero(lo, rng.choice([lo + 512, lo + 1024, None]))(folder / WAL_NAME)


def keep_the_database_alone(_, folder):
    """Leave `journal.sqlite` and nothing else, as a careless copy would."""
    for path in folder.iterdir():
        if path.name != FILE_NAME:
            path.unlink()


def delete_the_log(_, folder):
    """Take the log away."""
    (folder / WAL_NAME).unlink()


def delete_the_database(_, folder):
    """Take `journal.sqlite` away: the left-over log must not come back as a session."""
    (folder / FILE_NAME).unlink()


DAMAGES = (
    flip_somewhere,
    cut_somewhere,
    zero_somewhere,
    keep_the_database_alone,
    delete_the_log,
    delete_the_database,
)


def play_until_killed(server, client, rng):
    """Make calls and have the server killed at any moment; return how many commands were acknowledged."""
    n_commands, task_id = 0, None
    timer = threading.Timer(rng.uniform(0.0, 0.6), server.process.kill)
    try:
        while True:
            if task_id is None or rng.random() < 0.3:
                body = {
                    "task_name": "t",
                    "task_type": "firmwareUpgrade",
                    "targets": rng.sample(ids("flaky", *range(170)), 20),
                    "document": {"package_ids": [PACKAGE_ID]},
                }
                status, _, _ = client.exchange("POST", TASKS, body)
                task_id = task_id or f"{1:024x}"
            else:
                status, _, _ = client.exchange("POST", "/_sim/clock/advance", {"seconds": rng.random()})
            n_commands += status < 300
            if timer.ident is None:
                timer.start()
    except OSError:
        timer.join()
        return n_commands


def outcome_of(folder):
    """Return the commands that a journal opens with, or None if it is refused, and what is said."""
    if not (folder / FILE_NAME).exists():
        return 0, "there is no journal"
    try:
        journal = Journal.open(folder)
    except ScenarioError as error:
        return None, str(error)
    said = journal.n_commands, " ".join(journal.notices)
    journal.close()
    return said


def test_kill__and_damage(tmp_path):
    """36 kills, each left as it is and damaged in each of six ways: refused, whole, or told."""
    rng = random.Random(17)
    scenario = write_scenario(tmp_path)
    n_refused = n_whole = 0
    for number in range(N_KILLS):
        state = tmp_path / f"state{number}"
        with Server(str(scenario), "--state", str(state)) as server, Client(server.port) as client:
            acknowledged = play_until_killed(server, client, rng)
        for damage in DAMAGES:
            copy = tmp_path / "copy"
            shutil.copytree(state, copy)
            damage(rng, copy)
            n_commands, said = outcome_of(copy)
            if n_commands is None:
                n_refused += 1
                assert "put back a copy of the whole folder" in said, (number, damage.__name__)
                if "fleetsim journal recover" in said:
                    assert recover(copy)[0] <= acknowledged + 1
            elif n_commands < acknowledged:
                assert damage is delete_the_database
                assert said, (number, damage.__name__)
            else:
                n_whole += 1
            shutil.rmtree(copy)
        assert outcome_of(state)[0] in (acknowledged, acknowledged + 1)
        shutil.rmtree(state)

    print(f"\n{N_KILLS} kills, {n_refused} damaged journals refused, {n_whole} whole all the same")
    assert n_refused > N_KILLS
