"""Files that appear whole or not at all: written under another name in the same folder, then renamed.

Whoever reads the name meanwhile sees the earlier file or the new one, never half of one, and an error or
Ctrl-C leaves the earlier file as it was. The rename is atomic; data are flushed to the disk first only where
the caller asks for it (`durable`), since that takes longer than all else and a lost cache is no loss.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

PART: Final = ".*.part"
"""Pattern of the names of files that are not whole yet; a process that was killed leaves them behind."""

_NAME_MAX: Final = 200


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give another name for a file, and rename it when the block ends without an error.

    Args:
        path: The file; an earlier one is replaced. Its folder exists.

    Yields:
        The name to write to. It is unused, in the same folder, and another one in each process and call.

    Raises:
        OSError: The file can't be renamed, or was not written.
    """
    work = path.with_name(f".{path.name[:_NAME_MAX]}.{os.getpid()}-{uuid.uuid4().hex[:8]}.part")
    try:
        yield work
        work.replace(path)
    finally:  # nothing is there any more if all went well
        work.unlink(missing_ok=True)


def write_whole(
    path: Path, content: bytes | str, *, mode: int = 0o666, make_folder: bool = False, durable: bool = False
) -> None:
    """Write a file so that it is there as a whole or not at all.

    Args:
        path: The file; an earlier one is replaced.
        content: What to write; a text is written in UTF-8, with line ends as they are.
        mode: Rights of the file, of which the process's umask is taken away; it has no others at any time.
        make_folder: Make its folder if there is none.
        durable: Wait until the disk holds the content.

    Raises:
        OSError: It can't be written; an earlier file stays.
    """
    if make_folder:
        path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as work:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        with os.fdopen(os.open(work, flags, mode), "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            if durable:
                file.flush()
                os.fsync(file.fileno())
