"""Who may use a state folder: one process at a time, and it says so before it looks at anything in it.

Decision: a lock of the operating system upon a file of its own, instead of the database's locks alone.
Those begin with the database, so that two servers that find none would both begin one; and they go with the
file, so that a server whose file was deleted would not be seen. The lock ends with its process, however
that ends; the file stays, since a lock upon a file that others delete is none.
"""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path
from typing import Final

from sim.emulator.journal.database import in_use, unusable

FILE_NAME: Final = "journal.lock"

_TAKEN: Final = {errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES, errno.EDEADLK}

if sys.platform == "win32":
    import msvcrt

    def _lock(handle: int) -> None:
        """Lock the first byte of a file, or raise `OSError` at once."""
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(handle: int) -> None:
        """Lock a file, or raise `OSError` at once."""
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


class FolderLock:
    """The right to use a state folder; held until `release`, or until the process is gone."""

    def __init__(self, folder: Path) -> None:
        """Take the lock.

        Args:
            folder: The state folder, which exists.

        Raises:
            ScenarioError: Another process has it, or the folder can't be written.
        """
        path = folder / FILE_NAME
        try:
            self._handle: int | None = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            message = f"can't be written: {error.strerror}; the folder must be there and yours to write"
            raise unusable(path, message) from None
        try:
            _lock(self._handle)
        except OSError as error:
            if error.errno in _TAKEN:
                self.release()
                raise in_use(folder) from None
            # A file system without locks: the database's own locks have to do.

    def release(self) -> None:
        """Let others use the folder; once is enough."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None
