"""When nobody looks for cyclic garbage: where much is made that stays, the search walks over it in vain."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

_pauses = 0
_pauses_lock = Lock()
_was_enabled = False


@contextmanager
def collections_paused() -> Iterator[None]:
    """Keep the search for cyclic garbage from happening meanwhile.

    It would walk over tens of thousands of objects again and again, and find nothing: waiting processes,
    each freed by its last reference when it has ended, or tasks that a kept state brings back. The switch
    is the interpreter's, so of several users on threads the last one to end restores it.
    """
    global _pauses, _was_enabled
    with _pauses_lock:
        if _pauses == 0:
            _was_enabled = gc.isenabled()
            gc.disable()
        _pauses += 1
    try:
        yield
    finally:
        with _pauses_lock:
            _pauses -= 1
            if _pauses == 0 and _was_enabled:
                gc.enable()
