"""The mark: how far a journal had come when something was last acknowledged, in a file of its own.

Decision: instead of trust in the database alone. A log that was cut, overwritten with zeros, or left behind
when `journal.sqlite` was copied is to SQLite a log with fewer commits, and nothing in what is left says
that there were more. The mark says it. It is written after each commit and before any answer, without
waiting for the disk: so it never says too much, and after anything but a loss of power it says all. At each
checkpoint it is put onto the disk, since by then the log may begin anew.
"""

from __future__ import annotations

import os
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from sim.emulator.journal.wal import SALT_BYTES

FILE_NAME: Final = "journal.mark"

TOKEN_BYTES: Final = 8
_MAGIC: Final = b"FLSTMARK"
_FORM: Final = struct.Struct(f">8s{TOKEN_BYTES}s{TOKEN_BYTES}sQQ16s{SALT_BYTES}s")


@dataclass(frozen=True)
class Mark:
    """How far a journal had come.

    Attributes:
        token: Names the server that had it open; 8 bytes.
        token_before: Names the one before: the database may not have learnt the new name yet.
        n_resets: How often the journal had been emptied.
        n_commands: Commands since then.
        chain: The chain's hash after them; 16 bytes.
        salt: Salts of the log in which the last one was written; 8 bytes, zeros for none.
    """

    token: bytes
    token_before: bytes
    n_resets: int
    n_commands: int
    chain: bytes
    salt: bytes

    def encode(self) -> bytes:
        """Return the mark as bytes, with a checksum."""
        form = _FORM.pack(_MAGIC, *vars(self).values())
        return form + zlib.crc32(form).to_bytes(4, "big")

    @classmethod
    def decode(cls, content: bytes) -> Self | None:
        """Return the mark that `encode` made bytes of; None if these are not what it made."""
        form, check = content[: _FORM.size], content[_FORM.size :]
        if len(form) < _FORM.size or not form.startswith(_MAGIC):
            return None
        if check != zlib.crc32(form).to_bytes(4, "big"):
            return None
        return cls(*_FORM.unpack(form)[1:])

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """Return the mark in a state folder; None if it is not whole.

        Raises:
            FileNotFoundError: There is none.
        """
        return cls.decode((folder / FILE_NAME).read_bytes())


class MarkFile:
    """The open file of a mark; written in one piece, in place."""

    def __init__(self, folder: Path, mark: Mark) -> None:
        """Make the file, or take over the one that is there, and put a mark onto the disk."""
        self._path = folder / FILE_NAME
        self._handle = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        os.truncate(self._handle, len(mark.encode()))
        self.write(mark)
        self.flush()

    def write(self, mark: Mark) -> None:
        """Write a mark; a process that is killed leaves this one or the one before."""
        os.lseek(self._handle, 0, os.SEEK_SET)
        os.write(self._handle, mark.encode())

    def flush(self) -> None:
        """Wait until the disk holds the mark."""
        os.fsync(self._handle)

    def close(self) -> None:
        """Give the file free."""
        os.close(self._handle)

    def remove(self) -> None:
        """Give the file free and take it away: the journal is whole without it."""
        self.close()
        self._path.unlink(missing_ok=True)
