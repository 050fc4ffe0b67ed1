"""A whole copy of a journal, while a server writes it or not; and what is left of a broken one.

Decision: copy the files and check the copy, instead of asking the server for one. So a copy needs neither
its credentials nor its time, and works when there is no server. The database file is copied before its log:
as long as the log has not begun anew meanwhile, it holds whatever the file got since.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path
from typing import Final

from sim.emulator.journal.database import absent, unusable
from sim.emulator.journal.journal import Journal
from sim.emulator.journal.mark import FILE_NAME as MARK_NAME
from sim.emulator.journal.opening import FILE_NAME, WAL_NAME
from sim.emulator.journal.wal import salt_of
from sim.errors import ScenarioError

_TRIES: Final = 20
_PAUSE_S: Final = 0.02


def back_up(folder: Path, target: Path) -> int:
    """Copy the journal of a state folder into another folder, from which a session can be resumed.

    Everything that had been acknowledged when the copy began is in it. Credentials are not copied.

    Args:
        folder: The state folder; a server may be using it.
        target: Where the copy goes; made if absent.

    Returns:
        The number of commands in the copy.

    Raises:
        ScenarioError: There is no journal or it is not whole, the target has one already, or the journal
            changes too fast.
        OSError: The copy can't be written.
    """
    if not (folder / FILE_NAME).is_file():
        raise absent(folder / FILE_NAME)
    target.mkdir(mode=0o700, parents=True, exist_ok=True)
    if (target / FILE_NAME).exists():
        raise unusable(target / FILE_NAME, "is there already; name another folder")
    with tempfile.TemporaryDirectory(prefix=".backup-", dir=target) as scratch:
        for number in range(_TRIES):
            work = Path(scratch) / str(number)
            work.mkdir()
            if _copy(folder, work):
                break
            time.sleep(_PAUSE_S * number)
        else:
            raise unusable(folder / FILE_NAME, "changes faster than it can be copied; try again later")
        try:
            journal = Journal.open(work)
        except ScenarioError as error:
            found = [problem.message for problem in error.problems]
            raise unusable(folder / FILE_NAME, "; ".join(found)) from None
        n_commands = journal.n_commands
        journal.close()
        (work / FILE_NAME).replace(target / FILE_NAME)
    return n_commands


def _copy(folder: Path, work: Path) -> bool:
    """Copy a journal; tell whether all that was copied is of one time."""
    before = salt_of(folder / WAL_NAME)
    for name in (MARK_NAME, FILE_NAME, WAL_NAME):  # in this order: a mark must not be ahead of its journal
        if (folder / name).exists():
            shutil.copyfile(folder / name, work / name)
            (work / name).chmod(0o600)
    return salt_of(folder / WAL_NAME) == before == salt_of(work / WAL_NAME)


def recover(folder: Path) -> tuple[int, tuple[str, ...]]:
    """Make a journal usable of which something acknowledged is missing, by giving that up.

    Args:
        folder: The state folder, which no server uses.

    Returns:
        The number of commands that are left, and what had to be given up, in sentences.

    Raises:
        ScenarioError: What is left is no chain of commands either, or a server uses the folder.
    """
    journal = Journal.open(folder, tolerant=True)
    n_commands, notices = journal.n_commands, journal.notices
    journal.close()
    return n_commands, notices
