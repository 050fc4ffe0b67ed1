"""What the compiled plane keeps of a network that is a tree: devices, their sites' lines, the platform.

Where any site has a line of its own, `sim.fleet.compiled.tree` does with these records what `FLOW` is for
elsewhere.
"""

from __future__ import annotations

from functools import cache
from typing import Annotated, Final

import numpy as np

from sim.fleet.compiled.memory.tables import Records, records, side_by_side
from sim.fleet.spec import NEVER, FleetSpec, Floats, Int32s, Int64s, has_egress_limit, has_uplinks
from sim.fleet.table import Table

IDLE: Final = 0
"""Level of lines that had no download when the rates were set: nothing flows before they are set again."""

EGRESS: Final = 1
"""Whose virtual clock all levels share that get what the platform's egress leaves to them."""

UNTOUCHED: Final = -2
"""`next` of what is in no list of what has changed."""

DEVICE_BITS: Final = 32
"""Below the cohort, in the one number that says whose download is over."""

_NOBODY: Final = -1
_N_SPECIAL: Final = 2  # levels that are no lines' level for long: `IDLE` and `EGRESS`
_CHILDREN: Final = 8  # of a node of a tournament, and its leaves at first
_INT32_MAX: Final = np.iinfo(np.int32).max

# Downloads of one cohort at one site; all have one rate.
LINE = np.dtype(
    [
        # Its virtual clock less its level's; the clock itself while it has no level. Of no use where lines
        # have clocks of their own, no more than `level`.
        ("shift", np.float64),
        ("mark", np.float64),  # least finish mark on its clock, inf without downloads
        ("last", np.float64),  # that of the last of those in order
        ("active", np.int32),  # downloads that flow, or would if they got something
        ("level", np.int32),  # -1 without downloads
        ("head", np.int32),  # downloads in the order of their marks
        ("tail", np.int32),
        ("second", np.int32),  # the one behind the head: known before anybody has to wait for its row
        ("unsorted", np.int32),  # heap of those that end out of order, -1 without any
        ("cohort", np.int32),
        ("uplink", np.int32),
        ("unused", np.int64),
    ]  # one cache line
)

# A line's own clock, where the platform has no limit: apart, since a line of the cache has room for no more.
CLOCK = np.dtype(
    [
        ("clock", np.float64),  # virtual clock, bytes
        ("set_at", np.int64),  # tick at which it was set
        ("rate", np.float64),  # bytes/s of one download
        ("load", np.float64),  # bytes/s of all of them, as added up last
    ]
)

# A line as an entry of its level's heap; apart, since whoever changes a heap looks at many.
LINK = np.dtype(
    [
        ("key", np.float64),  # the line's least finish mark on its level's clock
        ("child", np.int32),
        ("next", np.int32),
        ("prev", np.int32),
    ],
    align=True,
)

# What the lines of one site share. Devices at no site have one without limit for each cohort.
UPLINK = np.dtype(
    [
        ("rate", np.float64),  # bytes/s
        ("first", np.int32),  # its lines are neighbours
        ("n", np.int32),
        ("next", np.int32),  # the next one with changes
    ],
    align=True,
)

# Lines whose downloads would get the same if the platform had no limit: they have one rate. A level that the
# egress limits has the clock of `EGRESS`.
LEVEL = np.dtype(
    [
        ("theta", np.float64),  # what that is, bytes/s
        ("clock", np.float64),  # virtual clock, bytes; less that of `EGRESS`, if the egress limits it
        ("set_at", np.int64),  # tick at which it was set; of no use if the egress limits it, like
        ("rate", np.float64),  # bytes/s of one download
        ("active", np.int64),  # downloads of all its lines
        ("n_lines", np.int32),
        ("root", np.int32),  # heap of its lines by key
        ("next", np.int32),  # the next one with changes
        ("is_limited", np.int32),  # 1 if the egress limits it, else 0
        ("unused", np.int64),
    ]  # one cache line
)

# A level as a node of the search tree; those below it have lower priorities.
NODE = np.dtype(
    [
        ("theta", np.float64),  # the level's: less are to the left, more to the right
        ("priority", np.uint64),
        ("own", np.int64),  # downloads of the level, as counted when rates were set
        ("active", np.int64),  # those and the ones of all levels below it
        ("load", np.float64),  # bytes/s that all these would get if the platform had no limit
        ("above", np.int32),  # -1 of the topmost; the next one of those that are free
        ("left", np.int32),
        ("right", np.int32),
        ("unused", np.int32),
        ("unused_too", np.int64),
    ]  # one cache line
)

# An entry of a heap of downloads that end out of order.
WAIT = np.dtype(
    [
        ("key", np.float64),  # finish mark
        ("target", np.int32),  # device
        ("child", np.int32),
        ("next", np.int32),
        ("prev", np.int32),
    ]
)

# One line of an uplink while that is shared out.
PART = np.dtype([("cap", np.float64), ("active", np.int64), ("rate", np.float64)])


class Tree(Table, frozen=False):
    """A network that is a tree; all empty where none is.

    Attributes:
        lines: (L,) LINE, by site, then cohort; those at no site come last.
        clocks: (L,) CLOCK if the platform has no limit, else empty.
        links: (L,) LINK if it has one, as all about levels; else empty.
        uplinks: (U,) UPLINK.
        levels: (K,) LEVEL, the first for lines without a rate yet (`IDLE`), the second for the clock of all
            levels that the egress limits (`EGRESS`).
        nodes: (K,) NODE; see `sim.fleet.compiled.tree.search_tree`.
        soonest: (M,) int64, a tournament for the level whose next download is over first, or the line if
            lines have clocks; see `sim.fleet.compiled.tree.tournament`. Those that the egress limits are
            `EGRESS` together.
        marks: (M,) float64, a tournament for the first of those, by least finish mark on the clock of
            `EGRESS`; empty if lines have clocks.
        waits: (cap,) WAIT.
        parts: (C,) PART.
        width: Leaves in use, a power of eight.
        n_levels: Levels that were ever in use; lines with a load if lines have clocks.
        free_level: First of those that are free again, -1 if none.
        top: Topmost node of the search tree, -1 without levels.
        cut: Greatest theta that the egress lets its downloads have, -1 if none.
        n_waits: Entries of `waits` that were ever in use.
        free_wait: First of those that are free again, -1 if none.
        changed_uplink: First uplink with changes since the rates were set, -1 if none.
        changed_level: First such level.
        load: Bytes/s that leave the platform, and
        load_rest: what is to be added to it, too small to have an effect on its own.
    """

    lines: Annotated[Records, LINE]
    clocks: Annotated[Records, CLOCK]
    links: Annotated[Records, LINK]
    uplinks: Annotated[Records, UPLINK]
    levels: Annotated[Records, LEVEL]
    nodes: Annotated[Records, NODE]
    soonest: Int64s
    marks: Floats
    waits: Annotated[Records, WAIT]
    parts: Annotated[Records, PART]
    width: int
    n_levels: int
    free_level: int
    top: int
    cut: float
    n_waits: int
    free_wait: int
    changed_uplink: int
    changed_level: int
    load: float
    load_rest: float


def lines_of(spec: FleetSpec) -> tuple[Int32s, Int32s, Int32s]:
    """Return the line of each device, and each line's site and cohort.

    Returns:
        (n,) int32; (L,) int32, -1 for no site; (L,) int32. All empty unless downloads share lines of sites.
    """
    none = np.zeros(0, np.int32)
    if not has_uplinks(spec):
        return none, none, none
    n_cohorts, n_sites = len(spec.cohorts.protocol), len(spec.sites.uplink)
    n_pairs = (n_sites + 1) * n_cohorts
    of = spec.sites.of * np.int64(n_cohorts) if n_pairs > _INT32_MAX else spec.sites.of * np.int32(n_cohorts)
    of += spec.cohort  # that of no site is negative: counted from the end
    has_line = np.zeros(n_pairs, np.bool_)
    has_line[of] = True
    line = (np.cumsum(has_line, dtype=np.int32) - np.int32(1))[of]
    site, cohort = np.divmod(np.flatnonzero(has_line).astype(np.int32), np.int32(n_cohorts))
    site[site == n_sites] = -1
    return line, site, cohort


def _new_lines(site: Int32s, cohort: Int32s) -> Records:
    """Return the lines before there are downloads, (L,) LINE."""
    lines: Records = side_by_side(len(site), {"lines": LINE})["lines"]
    lines["mark"] = np.inf
    for name in ("level", "head", "tail", "second", "unsorted"):
        lines[name] = _NOBODY
    lines["cohort"] = cohort
    is_first = np.ones(len(site), np.bool_)
    is_first[1:] = (site[1:] != site[:-1]) | (site[1:] < 0)
    lines["uplink"] = np.cumsum(is_first) - 1
    return lines


def _new_uplinks(site: Int32s, uplink: Int32s, rates: Floats) -> Records:
    """Return what the lines of each site share, by the site and the uplink of each line."""
    first = np.flatnonzero(np.diff(uplink, prepend=-1))
    uplinks = records(len(first), UPLINK)
    uplinks["first"], uplinks["n"] = first, np.diff(np.append(first, len(site)))
    at_site = site[first] >= 0
    uplinks["rate"] = np.inf
    uplinks["rate"][at_site] = rates[site[first][at_site]]
    uplinks["next"] = UNTOUCHED
    return uplinks


def _new_levels(n_lines: int) -> Records:
    """Return room for levels, none without lines."""
    n_levels = 2 * n_lines + _N_SPECIAL if n_lines else 0  # all lines may leave a level each for another one
    levels: Records = side_by_side(n_levels, {"levels": LEVEL})["levels"]
    if n_levels:
        for special in (IDLE, EGRESS):
            levels[special]["theta"], levels[special]["root"] = -1.0, _NOBODY
            levels[special]["next"] = UNTOUCHED
    return levels


def _room_for(n_leaves: int) -> int:
    """Return the words of a tournament of so many leaves, none without any."""
    width = _CHILDREN
    while width < n_leaves:
        width *= _CHILDREN
    return 2 * width if n_leaves else 0


def new_tree(spec: FleetSpec) -> tuple[Int32s, Tree]:
    """Return the line of each device, (n,) int32, and the network before there are downloads.

    Both are empty unless downloads share the lines of sites.
    """
    line, site, cohort = lines_of(spec)
    if not len(line):
        return line, _no_tree()
    n_cohorts = len(spec.cohorts.protocol)
    return line, _tree_of(site, cohort, spec.sites.uplink, n_cohorts, is_limited=has_egress_limit(spec))


@cache
def _no_tree() -> Tree:
    """Return the one of all fleets that have none: nobody writes into it."""
    none = np.zeros(0, np.int32)
    return _tree_of(none, none, np.zeros(0, np.float64), 0, is_limited=False)


def _tree_of(site: Int32s, cohort: Int32s, rates: Floats, n_cohorts: int, *, is_limited: bool) -> Tree:
    """Return the network of lines, by the site and the cohort of each and the rates of the sites."""
    lines = _new_lines(site, cohort)
    levels = _new_levels(len(site) if is_limited else 0)
    n_words = _room_for(len(levels) if is_limited else len(site))
    soonest = side_by_side(n_words, {"soonest": np.int64})["soonest"]
    marks = side_by_side(n_words if is_limited else 0, {"marks": np.float64})["marks"]
    width = min(_CHILDREN, n_words // 2) if is_limited else n_words // 2  # of levels, there may be few
    soonest[: 2 * width], marks[: 2 * width] = NEVER, np.inf
    return Tree(
        lines=lines,
        clocks=side_by_side(0 if is_limited else len(site), {"clocks": CLOCK})["clocks"],
        links=records(len(site) if is_limited else 0, LINK),
        uplinks=_new_uplinks(site, lines["uplink"], rates),
        levels=levels,
        nodes=side_by_side(len(levels), {"nodes": NODE})["nodes"],
        soonest=soonest,
        marks=marks,
        waits=records(256 if len(site) else 0, WAIT),
        parts=records(n_cohorts, PART),
        width=width,
        n_levels=_N_SPECIAL if len(levels) else 0,
        free_level=_NOBODY,
        top=_NOBODY,
        cut=-1.0,
        n_waits=0,
        free_wait=_NOBODY,
        changed_uplink=_NOBODY,
        changed_level=_NOBODY,
        load=0.0,
        load_rest=0.0,
    )
