"""Lines: the downloads of one cohort at one site, in the order in which they will be over."""

from __future__ import annotations

from typing import Final

import numpy as np

from sim.fleet.compiled.memory.state import LOADING, LOADING_BY_MARK, NOBODY, State
from sim.fleet.compiled.memory.tree import IDLE, Tree
from sim.fleet.compiled.queues import append, remove
from sim.fleet.compiled.tree.levels import (
    enter_if_over,
    level_clock,
    level_finishes_by,
    level_of,
    note_level,
)
from sim.fleet.compiled.tree.pairing_heap import brought_forward, meld, without
from sim.fleet.jit import called, inlined, natural

_OUT: Final = -3  # `prev` of a line that is out of its level's heap until the rates are set


@inlined
def line_clock(tree: Tree, line: int, now: int) -> float:
    """Return what a line's virtual clock shows."""
    row = tree.lines[natural(line)]
    if row.level == NOBODY:
        return row.shift
    return row.shift + level_clock(tree, np.int64(row.level), now)


@inlined
def _push_wait(tree: Tree, line: int, mark: float, device: int) -> None:
    """Let a download wait for its mark that may be over out of order."""
    entry = tree.free_wait
    if entry == NOBODY:
        entry = tree.n_waits
        tree.n_waits = entry + 1
    else:
        tree.free_wait = np.int64(tree.waits[natural(entry)].next)
    wait = tree.waits[natural(entry)]
    wait.key = mark
    wait.target = device
    wait.child = NOBODY
    wait.next = NOBODY
    wait.prev = NOBODY
    row = tree.lines[natural(line)]
    row.unsorted = meld(tree.waits, np.int64(row.unsorted), entry)


@inlined
def _pop_wait(tree: Tree, line: int) -> None:
    """Drop the first that ends out of order."""
    row = tree.lines[natural(line)]
    entry = np.int64(row.unsorted)
    row.unsorted = without(tree.waits, entry, entry)
    tree.waits[natural(entry)].next = tree.free_wait
    tree.free_wait = entry


@called
def first_download(st: State, line: int) -> tuple[float, int]:
    """Return (mark, device) of the line's download that is over first; (inf, -1) without any.

    Downloads that left the line are dropped from its heap on the way.
    """
    tree = st.tree
    mark, device, row = np.inf, np.int64(tree.lines[natural(line)].head), tree.lines[natural(line)]
    if device != NOBODY:
        mark = st.net[natural(device)].finish
    while row.unsorted != NOBODY:
        wait = tree.waits[natural(np.int64(row.unsorted))]
        target = natural(np.int64(wait.target))
        if st.work[target].phase == LOADING_BY_MARK and st.net[target].finish == wait.key:
            if wait.key < mark or (wait.key == mark and target < device):
                mark, device = wait.key, np.int64(target)
            break
        _pop_wait(tree, line)
    return mark, device


@inlined
def join_queue(st: State, device: int, line: int, mark: float, in_order: bool) -> None:
    """Let a download wait for its end.

    Args:
        st: Mutated.
        device: Device.
        line: Its line.
        mark: Its finish mark.
        in_order: Whether nobody who begins later can be over before it.

    Writes: tree.lines.last, tree.lines.second, work.phase.
    """
    row = st.tree.lines[natural(line)]
    is_last = row.tail == NOBODY or row.last < mark or (row.last == mark and row.tail < device)
    if in_order and is_last:
        row.last = mark
        if row.head != NOBODY and row.second == NOBODY:
            row.second = device
        st.work[natural(device)].phase = LOADING
        append(st.work, st.tree.lines, line, device)
    else:
        st.work[natural(device)].phase = LOADING_BY_MARK
        _push_wait(st.tree, line, mark, device)


@inlined
def leave_queue(st: State, device: int, line: int) -> None:
    """Take a download out that flows.

    Writes: net.finish, tree.lines.last, tree.lines.second.
    """
    if st.work[natural(device)].phase == LOADING:
        row = st.tree.lines[natural(line)]
        is_early, is_last = device == row.head or device == row.second, device == row.tail
        remove(st.work, st.tree.lines, line, device)
        if is_early:
            row.second = st.work[natural(np.int64(row.head))].next if row.head != NOBODY else NOBODY
        if is_last and row.tail != NOBODY:
            row.last = st.net[natural(np.int64(row.tail))].finish
    else:
        st.net[natural(device)].finish = np.inf  # its entry in the heap is no longer true


@inlined
def _enter_heap(tree: Tree, line: int) -> None:
    """Put a line that is out of its level's heap back into it."""
    row = tree.lines[natural(line)]
    at = tree.levels[natural(np.int64(row.level))]
    link = tree.links[natural(line)]
    link.key = row.mark - row.shift
    link.child = NOBODY
    link.next = NOBODY
    link.prev = NOBODY
    at.root = meld(tree.links, np.int64(at.root), line)


@inlined
def hurry_line(tree: Tree, line: int, mark: float, now: int) -> None:
    """Take note of a download that has joined a line which has a level."""
    row, link = tree.lines[natural(line)], tree.links[natural(line)]
    level = tree.levels[natural(np.int64(row.level))]
    is_over = level_finishes_by(tree, np.int64(row.level), now, mark - row.shift)
    row.mark = min(row.mark, mark)
    if link.prev == _OUT:
        if is_over:
            _enter_heap(tree, line)
    elif mark - row.shift < link.key:
        link.key = mark - row.shift
        level.root = brought_forward(tree.links, np.int64(level.root), line)
    if is_over:
        enter_if_over(tree, np.int64(row.level), now)


@called
def delay_line(st: State, line: int) -> None:
    """Take note of a download that has left a line: who is first now, and whether that one is over by now.

    What is over later will be found out when the rates are set, before this tick is over; until then the
    line stays out of its level's heap.
    """
    tree, now = st.tree, st.reg.now
    row, link = tree.lines[natural(line)], tree.links[natural(line)]
    mark, _ = first_download(st, line)
    level = tree.levels[natural(np.int64(row.level))]
    if mark != row.mark or link.prev == _OUT:
        row.mark = mark
        if link.prev != _OUT:
            level.root = without(tree.links, np.int64(level.root), line)
            link.prev = _OUT
        if mark < np.inf and level_finishes_by(tree, np.int64(row.level), now, mark - row.shift):
            _enter_heap(tree, line)
    enter_if_over(tree, np.int64(row.level), now)


@inlined
def join_level(tree: Tree, line: int, level: int) -> None:
    """Put a line at a level, of which its shift is."""
    row = tree.lines[natural(line)]
    at = tree.levels[natural(level)]
    row.level = level
    _enter_heap(tree, line)
    at.active += row.active
    at.n_lines += 1
    note_level(tree, level)


@inlined
def _leave_level(tree: Tree, line: int) -> None:
    """Take a line away from its level."""
    row, link = tree.lines[natural(line)], tree.links[natural(line)]
    level = np.int64(row.level)
    at = tree.levels[natural(level)]
    if link.prev != _OUT:
        at.root = without(tree.links, np.int64(at.root), line)
    at.active -= row.active
    at.n_lines -= 1
    row.level = NOBODY
    note_level(tree, level)


@called
def place_line(tree: Tree, line: int, theta: float, now: int) -> None:
    """Move a line that has a level to that of what its downloads would get; to none without any."""
    row, link = tree.lines[natural(line)], tree.links[natural(line)]
    is_active = row.active > 0
    if is_active and row.level != IDLE and tree.levels[natural(np.int64(row.level))].theta == theta:
        if link.prev == _OUT:
            _enter_heap(tree, line)
        return
    clock = line_clock(tree, line, now)
    _leave_level(tree, line)
    row.shift = clock
    if is_active:
        level = level_of(tree, theta, now)
        row.shift = clock - level_clock(tree, level, now)
        join_level(tree, line, level)
