"""The journal: every accepted command with its time, in a SQLite file, durable before it is answered.

Each row carries the outcome's fingerprint and is chained to all rows before it, so that a file that was
damaged, edited or cut in the middle is recognised. A row whose commit was cut off is no row. How far the
journal had come is also said by a file of its own (`mark`), so that a log that is gone, cut, damaged or of
another journal is recognised, too. Every few dozen commands all of it is put into the one database file.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import secrets
import sqlite3
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sim.emulator.journal.database import (
    absent,
    checked_about,
    connect,
    damaged,
    out_of_reach,
    unopened,
    unusable,
    write_new,
)
from sim.emulator.journal.lock import FolderLock
from sim.emulator.journal.mark import TOKEN_BYTES, Mark, MarkFile
from sim.emulator.journal.opening import FILE_NAME, NOBODY, WAL_NAME, Found, check, find, put_aside, refusal
from sim.emulator.journal.wal import SALT_BYTES, salt_of
from sim.version import __version__

_CHECKPOINT_AFTER_COMMANDS: Final = 48
_CHECKPOINT_AFTER_BYTES: Final = 4 << 20
_SERVING: Final = "serving"
_RESETS: Final = "resets"

_CHAIN_BYTES: Final = 16
_COMPRESS_ABOVE_BYTES: Final = 1024


@dataclass(frozen=True)
class Entry:
    """One row.

    Attributes:
        seq: From 1, without gaps.
        tick: Simulated time of the command.
        kind: Kind of the command.
        body: The command, as its kind encodes it.
        outcome: Fingerprint of what it led to.
    """

    seq: int
    tick: int
    kind: str
    body: bytes
    outcome: bytes

    def chained(self, before: bytes) -> bytes:
        """Return the hash over this row and, through `before`, all rows before it."""
        head = f"{self.seq} {self.tick} {self.kind} {len(self.body)} ".encode()
        return hashlib.sha256(before + head + self.body + self.outcome).digest()[:_CHAIN_BYTES]


class Journal:
    """One connection to one file, held for itself alone.

    Attributes:
        about: What the journal was begun with: plain JSON values by name.
        n_commands: Rows.
        last_tick: Time of the last row, 0 without any.
        notices: What was found beside the journal and is to be told, in sentences.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path, about: dict[str, Any]) -> None:
        """Take over an open file; use `create` or `open`."""
        self._connection = connection
        self._path = path
        self.about = about
        self._first_link = _link_of(about)
        self._chain = self._first_link
        self.n_commands = 0
        self.last_tick = 0
        self.notices: tuple[str, ...] = ()
        self._lock: FolderLock | None = None
        self._mark_file: MarkFile | None = None
        self._token = self._token_before = NOBODY
        self._n_resets = int(self.noted(_RESETS) or 0)
        self._salt = b""
        self._n_since = self._bytes_since = 0

    @classmethod
    def create(cls, folder: Path, about: dict[str, Any], *, lock: FolderLock | None = None) -> Journal:
        """Begin a journal.

        Args:
            folder: The state folder, which exists and holds no journal.
            about: What the journal is begun with: plain JSON values by name.
            lock: The folder's lock, if it is held already; the journal gives it free when it is closed.

        Raises:
            ScenarioError: The file can't be made, or another process uses the folder.
        """
        path = folder / FILE_NAME
        closed = {"token": NOBODY.hex(), "open": False}
        about = {**about, "program": __version__, f"note.{_SERVING}": closed}
        with contextlib.ExitStack() as undo:
            lock = lock or FolderLock(folder)
            undo.callback(lock.release)
            try:
                notices = put_aside(folder)
                write_new(path, about)
                connection = connect(path)
                undo.callback(connection.close)
                journal = cls(connection, path, about)
                journal._begin_serving(lock, Found(NOBODY, None, notices=notices))
            except (sqlite3.Error, OSError) as error:
                raise unusable(path, f"can't be written: {error}") from None
            undo.pop_all()
        return journal

    @classmethod
    def open(cls, folder: Path, *, lock: FolderLock | None = None, tolerant: bool = False) -> Journal:
        """Open a journal and check it from end to end.

        Args:
            folder: The state folder.
            lock: The folder's lock, if it is held already; the journal gives it free when it is closed.
            tolerant: Go on with what is whole if commands are missing in the end, and say so in `notices`.

        Raises:
            ScenarioError: There is none, it is of another version, damaged, or in use, or something that
                was acknowledged is missing.
        """
        path = folder / FILE_NAME
        if not path.is_file():
            raise absent(path)
        with contextlib.ExitStack() as undo:
            lock = lock or FolderLock(folder)
            undo.callback(lock.release)
            try:
                found = find(folder, tolerant=tolerant)
                connection = connect(path)
                undo.callback(connection.close)
                journal = cls(connection, path, checked_about(connection, path))
                journal._check_chain()
                missing = journal._missing(found)
                if missing and not tolerant:
                    raise refusal(folder, ", and ".join(missing))
                journal._begin_serving(lock, found, missing)
            except OSError as error:
                raise out_of_reach(path, error) from None
            except (sqlite3.DatabaseError, ValueError, zlib.error) as error:
                raise unopened(path, error) from None
            undo.pop_all()
        return journal

    def _missing(self, found: Found) -> list[str]:
        """Return what of the acknowledged commands is missing."""
        chain = None
        if found.mark is not None and found.mark.n_commands <= self.n_commands:
            chain = self.chain_after(found.mark.n_commands)
        resets, commands = self._n_resets, self.n_commands
        return check(self._path.parent, found, n_resets=resets, n_commands=commands, chain=chain)

    def chain_after(self, n_commands: int) -> bytes:
        """Return the chain's hash after some commands."""
        if n_commands == 0:
            return self._first_link
        query = "SELECT chain FROM commands WHERE seq = ?"
        chain: bytes = self._connection.execute(query, (n_commands,)).fetchone()[0]
        return chain

    def _begin_serving(self, lock: FolderLock, found: Found, missing: Sequence[str] = ()) -> None:
        """Give the session a name, in the mark and in the database file itself."""
        self._lock = lock
        self.notices = tuple(dict.fromkeys([*found.notices, *missing]))
        self._token = secrets.token_bytes(TOKEN_BYTES)
        self._token_before = found.token or NOBODY
        # The mark has both names, so that the two files agree whichever of them is written last.
        self._mark_file = MarkFile(self._path.parent, self._mark())
        self._say_whether_open(is_open=True)
        for name in (FILE_NAME, WAL_NAME):
            with contextlib.suppress(OSError):
                (self._path.parent / name).chmod(0o600)

    def _say_whether_open(self, *, is_open: bool) -> None:
        """Write into the database file itself whether a server has it open."""
        self._checkpoint("TRUNCATE")
        serving = {"token": self._token.hex(), "open": is_open}
        self.write([lambda journal: journal.note(_SERVING, serving)])
        self._checkpoint("TRUNCATE")

    def _mark(self) -> Mark:
        """Return how far the journal has come."""
        salt = self._salt or bytes(SALT_BYTES)
        return Mark(self._token, self._token_before, self._n_resets, self.n_commands, self._chain, salt)

    def _checkpoint(self, kind: str = "PASSIVE") -> None:
        """Put all of the log into the database file, so that the log begins anew with the next commit.

        Args:
            kind: `PASSIVE` leaves the log as long as it is, which makes the next commits cheaper;
                `TRUNCATE` leaves it empty.
        """
        if self._mark_file is not None:
            self._mark_file.flush()  # the log's salt is about to change
        self._connection.execute(f"PRAGMA wal_checkpoint({kind})").fetchone()
        self._n_since = self._bytes_since = 0

    def write(self, jobs: Sequence[Callable[[Journal], object]]) -> None:
        """Make several changes at once; they are on the disk when this returns.

        Args:
            jobs: Call `append`, `clear` or `note`.

        Raises:
            sqlite3.Error: They could not be written, and none of them was made.
        """
        before = self._chain, self.n_commands, self.last_tick, self._n_resets
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            for job in jobs:
                job(self)
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            self._chain, self.n_commands, self.last_tick, self._n_resets = before
            raise
        if self._mark_file is not None:
            if not self._n_since:
                self._salt = salt_of(self._path.with_name(WAL_NAME))
            self._n_since += len(jobs)
            self._mark_file.write(self._mark())
            if self._n_since >= _CHECKPOINT_AFTER_COMMANDS or self._bytes_since >= _CHECKPOINT_AFTER_BYTES:
                self._checkpoint()

    def append(self, tick: int, kind: str, body: bytes, outcome: bytes) -> None:
        """Add a command; within `write` only.

        Args:
            tick: Simulated time of the command, not before the last one's.
            kind: Kind of the command.
            body: The command, as its kind encodes it.
            outcome: Fingerprint of what it led to.
        """
        entry = Entry(self.n_commands + 1, tick, kind, body, outcome)
        chain = entry.chained(self._chain)
        stored = zlib.compress(body, 1) if len(body) > _COMPRESS_ABOVE_BYTES else body
        self._connection.execute(
            "INSERT INTO commands VALUES (?, ?, ?, ?, ?, ?)", (entry.seq, tick, kind, stored, outcome, chain)
        )
        self._chain, self.n_commands, self.last_tick = chain, entry.seq, tick
        self._bytes_since += len(stored)

    @property
    def folder(self) -> Path:
        """The state folder."""
        return self._path.parent

    def entries(self, after: int = 0) -> Iterator[Entry]:
        """Yield all commands after a number, in order."""
        for entry, _ in self._rows(after):
            yield entry

    def clear(self) -> None:
        """Forget all commands; within `write` only."""
        self._connection.execute("DELETE FROM commands")
        self._chain, self.n_commands, self.last_tick = self._first_link, 0, 0
        self._n_resets += 1
        self.note(_RESETS, self._n_resets)

    def note(self, key: str, value: Any) -> None:
        """Remember something beside the commands, which is no part of the chain; within `write` only.

        Args:
            key: Its name.
            value: Plain JSON value.
        """
        row = (f"note.{key}", json.dumps(value))
        self._connection.execute("INSERT OR REPLACE INTO about VALUES (?, ?)", row)

    def noted(self, key: str) -> Any:
        """Return what was remembered under a name when the journal was opened; None if nothing was."""
        return self.about.get(f"note.{key}")

    def close(self) -> None:
        """Put everything into the one file, say that it is whole, and give it free; once is enough."""
        if self._mark_file is None or self._lock is None:
            return
        mark_file, self._mark_file = self._mark_file, None
        try:
            self._say_whether_open(is_open=False)
            self._connection.close()
            mark_file.remove()
        except sqlite3.Error:
            mark_file.close()  # it stays, and says at the next opening how far the journal had come
            raise
        finally:
            self._connection.close()
            self._lock.release()

    def _rows(self, after: int = 0) -> Iterator[tuple[Entry, bytes]]:
        """Yield entries and their stored chain hashes."""
        for seq, tick, kind, stored, outcome, chain in self._connection.execute(
            "SELECT seq, tick, kind, body, outcome, chain FROM commands WHERE seq > ? ORDER BY seq", (after,)
        ):
            # A JSON object begins with a brace, a compressed one with the letter x.
            body = zlib.decompress(stored) if stored[:1] == b"x" else stored
            yield Entry(seq, tick, kind, body, outcome), chain

    def _check_chain(self) -> None:
        """Follow the chain to its end."""
        for entry, chain in self._rows():
            expected = entry.chained(self._chain)
            if entry.seq != self.n_commands + 1 or entry.tick < self.last_tick or chain != expected:
                raise damaged(self._path, f"command {self.n_commands + 1} is not what was written")
            self._chain, self.n_commands, self.last_tick = chain, entry.seq, entry.tick


def _link_of(about: dict[str, Any]) -> bytes:
    """Return the hash that the first command is chained to."""
    fixed = {key: value for key, value in about.items() if not key.startswith("note.")}
    return hashlib.sha256(json.dumps(fixed, sort_keys=True).encode()).digest()[:_CHAIN_BYTES]
