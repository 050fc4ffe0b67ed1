"""Work on all devices on as many threads as may be used: block by block, or one thing beside another."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Event
from typing import Any, Final, NamedTuple, TypeVar

_R = TypeVar("_R")
_P = TypeVar("_P")

BLOCK: Final = 32_768
"""Devices that a thread works on at a time."""

_share: Final[ContextVar[int]] = ContextVar("share", default=0)  # 0: all


def usable_cpus() -> int:
    """Return how many processors whoever asks may use: this process's, or the share of one of its workers."""
    here = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(here, _share.get() or here)


def as_one_of(workers: int, function: Callable[..., _R], *arguments: Any) -> _R:
    """Call a function that runs beside others of its kind, with its share of the processors.

    Runs that each use all processors get into each other's way: two at a time on two processors take a
    sixth longer.

    Args:
        workers: How many run at once, >= 1.
        function: What is called.
        arguments: With what.

    Returns:
        What it returns.
    """
    before = _share.set(max(1, usable_cpus() // workers))
    try:
        return function(*arguments)
    finally:
        _share.reset(before)


class AbandonedError(Exception):
    """Raised in work that nobody waits for any more."""


class Beside(NamedTuple):
    """Threads for work that others may wait for in vain.

    Attributes:
        submit: Begins `function(*arguments)` as soon as a thread is free, with its share of the processors.
        check: To be called by that work now and then, with anything; it raises `AbandonedError` once nobody
            waits for it any more.
    """

    submit: Callable[..., Future[Any]]
    check: Callable[..., None]


@contextmanager
def abandoned_early(workers: int, name: str) -> Iterator[Beside]:
    """Give threads to several pieces of long work; an error or an interrupt in the body ends them all soon.

    What has not begun is dropped, what runs ends at its next `check`.

    Args:
        workers: How many run at once, >= 1.
        name: Of the threads.
    """
    over = Event()

    def check(*_: object) -> None:
        if over.is_set():
            raise AbandonedError

    pool = ThreadPoolExecutor(workers, thread_name_prefix=name)
    try:
        yield Beside(lambda *work: pool.submit(as_one_of, workers, *work), check)
    except BaseException:
        over.set()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def beside(function: Callable[..., _R], *arguments: Any) -> Iterator[Callable[[], _R]]:
    """Call a function on another thread while the body runs, if there is a processor for it.

    Worth it for what leaves the interpreter to others, as a digest of large arrays does.

    Args:
        function: What is called.
        arguments: With what.

    Yields:
        What returns its result, and waits for it; an error in the function comes up there.
    """
    if usable_cpus() == 1:
        yield lambda: function(*arguments)
        return
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(function, *arguments).result


def each_block(n: int, threads: int, work: Callable[[int, int], None]) -> None:
    """Call `work(lo, hi)` for blocks that cover 0..n, on several threads if it is worth it."""
    pairs = list(itertools.pairwise([*range(0, n, BLOCK), n]))
    each_of(pairs, threads, lambda pair: work(pair[0], pair[1]))


def each_of(parts: Sequence[_P], threads: int, work: Callable[[_P], None]) -> None:
    """Call `work` with each of some parts, on several threads if it is worth it."""
    if threads == 1 or len(parts) == 1:
        for part in parts:
            work(part)
        return
    with ThreadPoolExecutor(threads) as pool:
        for future in [pool.submit(work, part) for part in parts]:
            future.result()
