"""Rows of the compiled plane's tables.

Records that an event touches together lie together: one cache line a device, or two.
"""

from __future__ import annotations

import mmap
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

import numpy as np
from numpy.typing import DTypeLike, NDArray

from sim.fleet.held_up import Hold
from sim.rules.states import SubtaskState

Records = NDArray[Any]  # a recarray of one of the dtypes below
Record = Any  # one row of it

WORK = np.dtype(
    [
        ("due", np.int64),  # tick of the device's one scheduled event, -1 if none
        ("entered", np.int64),  # tick of entry into the download, -1 if not (yet) known
        # Tick at which bytes cease or ceased to flow; before they do, in a download that shares the
        # network, the ticks that what follows it will take.
        ("flow_end", np.int64),
        # Bytes the attempt will have, or has, received; before it enters a download that shares the network,
        # what `since` will be.
        ("wanted", np.int64),
        # Tick at which its attempt began, or its wait for one in the queue it stands in; in a download that
        # shares the network, the work that is planned after it (`accounts.books.packed_work`).
        ("since", np.int64),
        ("next", np.int32),  # neighbours in the one queue the device stands in
        ("prev", np.int32),
        ("mark", np.int16),  # which of its cohort's causes is its permanent one, from 0; -1 if none, or DEAD
        ("verdict", np.int16),  # how the scheduled end will be, or what the download comes to
        ("after", np.int16),  # verdict of what follows a download that shares the network
        ("phase", np.int8),
        ("trigger", np.int8),
        ("used", np.int8),  # automatic retries begun since the last refill
        ("level", np.int8),  # radio coverage level
        ("current", np.bool_),
        ("kind", np.int8),  # event kind of `due`
    ]  # unaligned: 60 bytes instead of 64
)

NET = np.dtype(
    [
        ("begun", np.float64),  # virtual clock at the start of the download
        ("finish", np.float64),  # virtual clock at its end
        ("flow", np.int64),  # tick of its start, -1 if not begun
        ("next", np.int32),  # neighbours in the cohort's queue of download deadlines
        ("prev", np.int32),
    ],
    align=True,
)

# A cohort's downloads. Floats that are read together don't lie side by side: compiled code would read them
# as one vector, and wait when one of them has just been written on its own.
FLOW = np.dtype(
    [
        ("clock", np.float64),  # virtual clock, bytes
        ("set_at", np.int64),  # tick at which it was set
        ("rate", np.float64),  # bytes/s of one download
        ("touched", np.int64),  # whether a download began or ended since the rates were set
        ("share", np.float64),  # what is fair now; room for working that out
        ("active", np.int64),  # active downloads
        ("next_tick", np.int64),  # tick of the next finished download
        ("next_device", np.int64),  # its device
        ("wasted", np.int64),  # bytes, on a free network as well
        ("n_broken", np.int64),  # entries of its heap of BROKEN
    ],
    align=True,
)

# Ticks by what they went to: what nearly every attempt books, one cache line, then what few do.
_OFTEN: Final = (
    Hold.READY_QUEUE, Hold.QUERY, Hold.DOWNLOAD_PLACE, Hold.DOWNLOAD, Hold.SHARED_LINK,
    Hold.VERIFY, Hold.INSTALL, Hold.REBOOT,
)  # fmt: skip
HOLD_ORDER: Final = (*_OFTEN, *(hold for hold in Hold if hold not in _OFTEN))
HELD = np.dtype([(hold.name.lower(), np.int64) for hold in HOLD_ORDER])

QUEUE = np.dtype([("head", np.int32), ("tail", np.int32)])  # first and last device

# A group of which so many are upgraded at a time: who waits, places taken and places.
CELL = np.dtype(
    [("head", np.int32), ("tail", np.int32), ("used", np.int32), ("places", np.int64)], align=True
)

BROKEN = np.dtype([("mark", np.float64), ("target", np.int32)], align=True)  # finish mark, and its device

# An earlier download on a free network.
SPAN = np.dtype([("start", np.int64), ("end", np.int64), ("cohort", np.int16)], align=True)

# A row of the curve.
GRID = np.dtype(
    [("status", np.int64, (len(SubtaskState),)), ("downloads", np.int64), ("load", np.float64)], align=True
)

# What may break a download that shares the network, beside the bytes after which it breaks.
BREAK = np.dtype(
    [
        # Ticks of flow from `since` on before a clock breaks the download; counted from NEVER without one.
        ("left", np.int64),
        ("since", np.int64),  # tick at which its link was last looked at: bytes flow since then, or do not
        ("remaining", np.float64),  # bytes to come, while its link is down
        ("strikes", np.int16),  # verdict when the clock has run out, 0 without a clock
        ("verdict", np.int16),  # of the end that is scheduled while it loads
    ],
    align=True,
)
# Where a look at one timeline of a device ended (`sim.fleet.model.timelines`); unaligned: 12 bytes, not 16.
PLACE = np.dtype([("end", np.int64), ("period", np.int32)])

# What the present attempt does to the device, and when: a call that stops it before sees nothing of it.
STRUCK = np.dtype([("tick", np.int64), ("does", np.int8)])

EVENT = np.dtype([("tick", np.int64), ("tag", np.int64)])  # one of the heap; a tag is kind << 40 | device

# A cache line. Most plans are written for a fleet that never reads what only links and conditions ask for.
PLAN = np.dtype(
    [
        ("approach", np.int64),  # ticks from the contact to the download, or to the failure before it
        # Ticks that verify, install and reboot take, or that pass until one fails; if a timer ends the
        # approach: those of the approach for which nothing happened by then.
        ("rest", np.int64),
        ("coverage_at", np.int64),  # ticks from the contact until coverage begins, -1 if it never does
        ("install_at", np.int64),  # ticks from the download's end until install begins, -1 if it never does
        ("reboot_at", np.int64),  # likewise
        ("target", np.int32),  # its device (`device` is taken: NumPy's records have one)
        ("number", np.int32),  # number of the attempt that its draws go by
        ("mark", np.int32),  # row of its permanent cause; -1 if none, or DEAD
        ("cohort", np.int16),
        ("reason", np.int16),  # verdict of the approach
        ("load", np.int16),  # verdict of the download, outages aside
        ("after", np.int16),  # verdict of verify, install and reboot
        ("kind", np.int8),  # event kind of the approach's end
        ("does", np.int8),  # what a failure after the download does to the device
        ("current", np.bool_),
        ("is_out", np.bool_),  # the device can't be reached
    ],
    align=True,
)

TRAIL = np.dtype([("start", np.int64), ("flow", np.int64)], align=True)  # only while attempts are logged

LOG = np.dtype(
    [
        ("device", np.int32),
        ("attempt", np.int32),
        ("start", np.int64),
        ("entered", np.int64),
        ("flow", np.int64),
        ("flow_end", np.int64),
        ("end", np.int64),
        ("bytes", np.int64),
        ("held", np.int64),
        ("reason", np.int16),
        ("trigger", np.int8),
        ("status", np.int8),
    ],
    align=True,
)

TASK = np.dtype(
    [
        # Fields of `sim.fleet.spec.RetryPolicy`, by its names.
        ("retry_interval_ticks", np.int64),
        ("max_interval_ticks", np.int64),
        ("backoff_factor", np.float64),
        ("penalty_within_ticks", np.int64),
        ("penalty_rest_ticks", np.int64),
        # Fields of `sim.fleet.protocol.PackageRef`.
        ("bytes", np.int64),
        ("version", np.int32),
        ("component", np.int8),
        ("penalty_failures", np.int32),
        ("group", np.int32),
        ("queue", np.int32),  # retry queue of its interval, -1: through the heap
        ("reasons_lo", np.int32),
        ("reasons_hi", np.int32),
        ("retry_count", np.int8),
        ("jitter", np.int8),
    ],
    align=True,
)

WATCH = np.dtype(
    [
        ("count", np.int64),
        ("at_least", np.int64),
        ("share_top", np.int64),  # the share is a fraction of two whole numbers
        ("share_bottom", np.int64),
        ("key", np.int32),  # task when settling is watched, else group
        ("id", np.int32),
        ("settles", np.bool_),
        ("firsts", np.bool_),  # failures are those of first attempts
        ("state", np.int8),  # one of `sim.fleet.compiled.watches`
    ],
    align=True,
)


def records(n: int | tuple[int, int], dtype: np.dtype[Any]) -> Records:
    """Return n zeroed records, or so many rows of so many.

    They are a recarray, because attribute access reads the same with and without JIT.
    """
    return np.zeros(n, dtype).view(np.recarray)


_LINE: Final = 64  # bytes of a cache line
_HUGE: Final = 2 << 20  # bytes of a huge page

# glibc keeps what it is given back for the next run, instead of asking the system for new pages, if it has
# been given back as large a piece before. It would learn that from arrays that lie in huge pages here.
np.empty(16 << 20, np.uint8)


def _zeros(size: int) -> NDArray[np.uint8]:
    """Return so many bytes; from one and a half huge pages on they begin with one, where the system has any.

    NumPy asks for them from 4 MiB on, and for those that happen to lie within its memory. Of fewer bytes the
    system would clear more than is asked for, each time anew: a thirtieth of the time of 12,000 devices.
    """
    if size < _HUGE * 3 // 2 or not hasattr(mmap, "MADV_HUGEPAGE"):
        return np.zeros(size, np.uint8)
    room = mmap.mmap(-1, (size // _HUGE + 2) * _HUGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    with suppress(OSError):  # a kernel without them
        room.madvise(mmap.MADV_HUGEPAGE)
    piece = np.frombuffer(room, np.uint8)
    start = -piece.ctypes.data % _HUGE
    return piece[start : start + size]


def side_by_side(n: int, kinds: Mapping[str, DTypeLike], **others: tuple[int, DTypeLike]) -> dict[str, Any]:
    """Return zeroed arrays of n elements in one piece of memory, by their names.

    Those of a large fleet in huge pages, where there are any. The processor remembers where a few thousand
    pages are: of common ones that is less than the columns of a million devices, and events meet devices in
    any order.

    Args:
        n: Elements of each array, >= 0.
        kinds: Type of each array's elements; records become recarrays.
        others: Elements, and their type, of arrays of another length.
    """
    laid_out = {name: (n, np.dtype(kind)) for name, kind in kinds.items()}
    laid_out |= {name: (k, np.dtype(kind)) for name, (k, kind) in others.items()}
    sizes = [-(-k * dtype.itemsize // _LINE) * _LINE for k, dtype in laid_out.values()]
    piece = _zeros(sum(sizes) + _LINE)
    start = -piece.ctypes.data % _LINE
    arrays: dict[str, Any] = {}
    for (name, (k, dtype)), size in zip(laid_out.items(), sizes, strict=True):
        array = piece[start : start + k * dtype.itemsize].view(dtype)
        arrays[name] = array.view(np.recarray) if dtype.names else array
        start += size
    return arrays


def new_heap(size: int) -> Records:
    """Return room for a heap of `size` events.

    The four children of an entry, 1 to 4 for the first, share a cache line.
    """
    family = _LINE // EVENT.itemsize
    room = np.empty(size + family, EVENT).view(np.recarray)
    skip = -(room.ctypes.data // EVENT.itemsize + 1) % family
    return room[skip : skip + size]
