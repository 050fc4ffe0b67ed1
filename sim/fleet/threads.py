"""Work on all devices, block by block, on as many threads as may be used."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

_BLOCK: Final = 32_768


def usable_cpus() -> int:
    """Return the processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def each_block(n: int, threads: int, work: Callable[[int, int], None]) -> None:
    """Call `work(lo, hi)` for blocks that cover 0..n, on several threads if it is worth it."""
    pairs = list(itertools.pairwise([*range(0, n, _BLOCK), n]))
    if threads == 1 or len(pairs) == 1:
        for lo, hi in pairs:
            work(lo, hi)
        return
    with ThreadPoolExecutor(threads) as pool:
        for future in [pool.submit(work, lo, hi) for lo, hi in pairs]:
            future.result()
