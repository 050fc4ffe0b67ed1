"""The journal's database file: how it is made, opened and refused."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from pathlib import Path
from typing import Any, Final

from sim.atomic_files import replacing
from sim.errors import Problem, ScenarioError
from sim.version import __version__

FORMAT: Final = 1

_APPLICATION_ID: Final = 0x464C5354
_ANEW: Final = "start anew with another --state"
_OUT_OF_REACH: Final = {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM}

_TABLES: Final = """
CREATE TABLE about (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE commands (
    seq INTEGER PRIMARY KEY,
    tick INTEGER NOT NULL,
    kind TEXT NOT NULL,
    body BLOB NOT NULL,
    outcome BLOB NOT NULL,
    chain BLOB NOT NULL
) STRICT;
"""


def write_new(path: Path, about: dict[str, Any]) -> None:
    """Write a database without commands, which others may not read."""
    with replacing(path) as work:
        os.close(os.open(work, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        with contextlib.closing(sqlite3.connect(work, isolation_level=None)) as db:
            db.executescript(
                f"PRAGMA application_id={_APPLICATION_ID}; PRAGMA user_version={FORMAT}; BEGIN; {_TABLES}"
            )
            rows = [(key, json.dumps(value)) for key, value in about.items()]
            db.executemany("INSERT INTO about VALUES (?, ?)", rows)
            db.execute("COMMIT")


def connect(path: Path) -> sqlite3.Connection:
    """Open the file for this process alone, with commits that are on the disk."""
    # The writer's thread uses it, too, but never at the same time.
    connection = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
    try:
        connection.executescript(
            "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; "
            "PRAGMA wal_autocheckpoint=0;"
        )
        connection.execute("BEGIN IMMEDIATE")  # takes the lock, which is then kept
        connection.execute("COMMIT")
    except BaseException:
        connection.close()
        raise
    return connection


def checked_about(connection: sqlite3.Connection, path: Path) -> dict[str, Any]:
    """Return what the journal was begun with, once it is known to be one that can be replayed."""
    _check_version(connection, path)
    (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        raise damaged(path, verdict)
    about = {key: json.loads(value) for key, value in connection.execute("SELECT * FROM about")}
    if about.get("program") != __version__:
        raise _foreign(path, f"fleetsim {about.get('program')}", f"fleetsim {__version__}")
    return about


def _check_version(connection: sqlite3.Connection, path: Path) -> None:
    """Refuse files of others and of other versions."""
    (application_id,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application_id != _APPLICATION_ID:
        raise unusable(path, f"is no journal of fleetsim; {_ANEW}")
    if version != FORMAT:
        raise _foreign(path, f"format {version}", f"format {FORMAT}")


def unusable(path: Path, message: str) -> ScenarioError:
    """Return the error that says what is wrong with a journal."""
    return ScenarioError([Problem("", message, file=str(path))])


def absent(path: Path) -> ScenarioError:
    """Return the error of a folder without a journal."""
    return unusable(path, "there is no journal; `fleetsim serve --state` begins one")


def in_use(path: Path) -> ScenarioError:
    """Return the error of a file or folder that another process has."""
    return unusable(path, "is in use by another server; stop that one first")


def unopened(path: Path, error: Exception) -> ScenarioError:
    """Tell a file that can't be had from one that is damaged: only the second one is lost."""
    # The lower byte is the kind of error, the others say more about it.
    kind = error.sqlite_errorcode & 0xFF if isinstance(error, sqlite3.Error) else sqlite3.SQLITE_CORRUPT
    if kind in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return in_use(path)
    if kind in _OUT_OF_REACH:
        return out_of_reach(path, error)
    return damaged(path, str(error))


def out_of_reach(path: Path, error: Exception) -> ScenarioError:
    """Return the error of a journal that is there, but not to be had."""
    return unusable(path, f"can't be opened: {error}; its folder and files must be yours to write")


def damaged(path: Path, what: str) -> ScenarioError:
    """Return the error of a journal that is lost."""
    return unusable(path, f"is damaged ({what}); put back a copy of the whole folder, or {_ANEW}")


def _foreign(path: Path, theirs: str, ours: str) -> ScenarioError:
    message = f"was written by {theirs}, this is {ours}: replaying it could end elsewhere; use {theirs}"
    return unusable(path, f"{message}, or {_ANEW}")
