"""Whether what lies in a state folder belongs together and is all that was acknowledged.

Decision: refuse with a sentence, instead of going on with what is left. A script that was told of a command
relies on it. Whoever wants to go on all the same says so, with `fleetsim journal recover`. What plays no
part any more is put aside under another name, never deleted.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sim.emulator.journal.database import unusable
from sim.emulator.journal.mark import FILE_NAME as MARK_NAME
from sim.emulator.journal.mark import TOKEN_BYTES, Mark
from sim.emulator.journal.wal import WalReport, examine, follows
from sim.errors import ScenarioError

FILE_NAME: Final = "journal.sqlite"
WAL_NAME: Final = f"{FILE_NAME}-wal"

NOBODY: Final = bytes(TOKEN_BYTES)
"""Token of a journal that no server has had open yet."""

_BESIDE: Final = (WAL_NAME, f"{FILE_NAME}-shm", MARK_NAME)
_WAY_OUT: Final = (
    "put back a copy of the whole folder, keep what is whole with `fleetsim journal recover`, "
    "or start anew with another --state"
)


@dataclass(frozen=True)
class Found:
    """What lies in a state folder beside the journal, before anybody has touched it.

    Attributes:
        token: Of the server that had the journal open last, as the database file itself says; None if it
            can't be asked.
        mark: How far the journal had come; None if nothing trustworthy says so.
        damage: What is wrong with the log, in words; empty if nothing is.
        is_lost: Whether it is known that something acknowledged went with the damage.
        notices: What is to be told, in sentences.
    """

    token: bytes | None
    mark: Mark | None
    damage: str = ""
    is_lost: bool = False
    notices: tuple[str, ...] = ()


def put_aside(folder: Path) -> tuple[str, ...]:
    """Rename what was left beside a journal that is gone or has been replaced; return what to tell."""
    notices = []
    for name in _BESIDE:
        path = folder / name
        if not path.exists():
            continue
        if path.stat().st_size == 0:
            path.unlink()
            continue
        kept = _unused(path)
        path.replace(kept)
        notices.append(
            f"{name} belongs to no journal that is there; it plays no part and is kept as {kept.name}"
        )
    return tuple(notices)


def _unused(path: Path) -> Path:
    """Return another name for a file that nothing has."""
    number = 1
    while (kept := path.with_name(f"{path.name}.left-{number}")).exists():
        number += 1
    return kept


def find(folder: Path, *, tolerant: bool = False) -> Found:
    """Look at what lies beside a journal, and put aside what is not its own.

    Args:
        folder: The state folder, locked, with a journal.
        tolerant: Go on with what is whole, and say what is missing, instead of refusing it.

    Raises:
        ScenarioError: What was acknowledged is not all there, or can't be told to be.
    """
    state = _state_of(folder / FILE_NAME)
    token, is_open = (None, True) if state is None else state
    wal = examine(folder / WAL_NAME)
    notices: list[str] = []

    def object_to(message: str) -> None:
        if not tolerant:
            raise refusal(folder, message)
        notices.append(message)

    mark: Mark | None = None
    try:
        mark = Mark.read(folder)
        if mark is None:
            object_to(f"{MARK_NAME} is damaged, so that nothing says whether commands are missing")
    except FileNotFoundError:
        if token is not None and is_open and token != NOBODY:
            object_to(
                f"was copied without {MARK_NAME} while a server had it open, so that its last commands may "
                "be missing"
            )
    if mark is not None and token not in (None, mark.token, mark.token_before):
        if is_open:
            object_to(f"and the files beside it are not of one session: {MARK_NAME} is of another one")
        return Found(token, None, notices=(*notices, *put_aside(folder)))
    if mark is None and token is not None and not is_open:
        return Found(token, None, notices=(*notices, *put_aside(folder)))
    if mark is not None and wal.has_header and not follows(wal.salt, mark.salt):
        object_to(f"and {WAL_NAME} do not belong together: another log was written last")
        return Found(token, mark, notices=(*notices, *put_aside(folder)))
    if wal.is_damaged:
        damage = _keep_damaged(folder, wal)
        return Found(token, mark, damage, wal.has_header, (*notices, damage))
    if wal.n_rest:
        notices.append(f"the last write into {WAL_NAME} is not whole and has not happened")
    return Found(token, mark, notices=tuple(notices))


def _keep_damaged(folder: Path, wal: WalReport) -> str:
    """Keep a copy of a damaged log, which SQLite will do away with; return what to tell."""
    kept = _unused(folder / WAL_NAME)
    shutil.copy2(folder / WAL_NAME, kept)
    behind = f", {wal.n_commits_behind} commits lie behind the damage" if wal.has_header else ""
    return f"{WAL_NAME} is damaged{behind} (it is kept as {kept.name})"


def check(folder: Path, found: Found, *, n_resets: int, n_commands: int, chain: bytes | None) -> list[str]:
    """Return what of the acknowledged commands is missing, in sentences; empty if all are there.

    Args:
        folder: The state folder.
        found: What `find` returned.
        n_resets: How often the journal has been emptied.
        n_commands: Commands in the journal.
        chain: The chain's hash after as many commands as the mark tells; None if there are not as many.
    """
    mark = found.mark
    damage = [found.damage] if found.damage else []
    if mark is None or (found.is_lost and mark.n_commands <= n_commands):
        return damage
    if mark.n_resets != n_resets:
        return [*damage, "a reset that was acknowledged is missing"] if mark.n_resets > n_resets else []
    if mark.n_commands > n_commands:
        n_missing = mark.n_commands - n_commands
        which = f"the last {n_missing} commands are" if n_missing > 1 else "the last command is"
        return [*damage, f"{which} missing of {mark.n_commands} that were acknowledged"]
    if chain != mark.chain:
        return [*damage, "its commands are not those that were acknowledged"]
    return []


def refusal(folder: Path, message: str) -> ScenarioError:
    """Return the error that says what is wrong with a journal, and what to do."""
    return unusable(folder / FILE_NAME, f"{message}; {_WAY_OUT}")


def _state_of(path: Path) -> tuple[bytes, bool] | None:
    """Return the token in the database file itself, whatever its log says, and whether it was left open.

    None if the file doesn't tell: it is damaged, or of an earlier build.
    """
    try:
        # Of an immutable file SQLite neither takes locks nor looks for a log.
        connection = sqlite3.connect(f"{path.resolve().as_uri()}?immutable=1", uri=True)
        try:
            row = connection.execute("SELECT value FROM about WHERE key = 'note.serving'").fetchone()
        finally:
            connection.close()
        if row is None:
            return None
        serving = json.loads(row[0])
        return bytes.fromhex(serving["token"]), bool(serving["open"])
    except (sqlite3.Error, ValueError, KeyError, TypeError):
        return None
