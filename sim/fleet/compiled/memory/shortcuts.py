"""What the compiled plane is given and never changes: the fleet, and what is derived from it once."""

from __future__ import annotations

from typing import Annotated, Final

import numpy as np

from sim.fleet.held_up import kept_devices
from sim.fleet.model.purposes import BLOCK_WORDS, LAST_OF_STAGES, STAGE_PURPOSES
from sim.fleet.spec import (
    CONSTANT,
    LEAVES_OLD,
    N_STAGES,
    Bools,
    FleetSpec,
    Floats,
    follows_links,
    is_network_free,
    is_unlimited,
)
from sim.fleet.table import Table
from sim.rules.stages import Stage

# Blocks of draws that are drawn before an attempt begins: up to the last that a stage needs.
N_PLANNED_BLOCKS: Final = LAST_OF_STAGES // BLOCK_WORDS + 1
N_PLANNED_PURPOSES: Final = N_PLANNED_BLOCKS * BLOCK_WORDS

_DEVICE_BITS: Final = 31

SUMMED_BITS: Final = 16
"""Sums in the books are of 2**SUMMED_BITS devices at most: all would have to wait for the same for more than
four years until a word has no room for it."""


class Shortcuts(Table):
    """What the compiled plane derives from a spec once, to save work in every attempt.

    Attributes:
        looks_early: (C,) bool, whether devices have a link, or conditions of stages before the download.
        looks_late: (C,) bool, whether devices have conditions of stages after the download, or
            a window to install in.
        draws_block: (C, N_PLANNED_BLOCKS) bool, whether any draw of that block can matter.
        has_condition: (C, N_STAGES) bool, whether the stage has causes that last.
        has_break: (C, N_STAGES) bool, whether the stage has causes that strike by a rate, or by bytes.
        follows_link: (C,) bool, a link that goes down pauses or breaks downloads.
        may_break: (C,) bool, time or a link may break or pause downloads, or bytes break them.
        by_mark: (C,) bool, downloads that begin earlier may want more bytes than those that begin later.
        p_total: (C, N_STAGES) float64, the stage's probability of failure, all causes together.
        instant: (C,) bool, downloads take no time, but for those of devices behind a limited line of a site.
        leaves: Any attempt can leave a device other than it was, when it fails.
        network_free: No download can influence another one.
        flow_stops: (C,) bool, something may keep bytes from flowing in a download that shares the network.
        kept_from: Row of the books of the first of them, behind the rows for sums of others.
        kept_every: Every so many-th device has its time known one by one (`sim.fleet.held_up`).
        kept_factor: Device * kept_factor >> kept_shift is device // kept_every.
        kept_shift: See there.
    """

    looks_early: Bools
    looks_late: Bools
    draws_block: Annotated[Bools, 2]
    has_condition: Annotated[Bools, 2]
    has_break: Annotated[Bools, 2]
    follows_link: Bools
    may_break: Bools
    by_mark: Bools
    p_total: Annotated[Floats, 2]
    instant: Bools
    leaves: bool
    network_free: bool
    flow_stops: Bools
    kept_from: int
    kept_every: int
    kept_factor: int
    kept_shift: int


def shortcuts(spec: FleetSpec) -> Shortcuts:
    """Derive the shortcuts of a spec."""
    cohorts, causes = spec.cohorts, spec.causes
    n_cohorts = len(cohorts.protocol)
    timed = cohorts.dist_kind != CONSTANT
    p_total = np.zeros((n_cohorts, N_STAGES), np.float64)
    lasts, breaks = np.zeros_like(timed), np.zeros_like(timed)
    is_condition, is_break = causes.timeline >= 0, (causes.rate > 0) | (causes.per_bytes > 0)
    are_all_fresh = not (is_condition | is_break).any()
    for c, s in np.argwhere(causes.lo < causes.hi).tolist():
        rows = slice(causes.lo[c, s], causes.hi[c, s])
        # One after the other, as the readable plane adds them up.
        p_total[c, s] = np.cumsum(causes.p[rows])[-1]
        if not are_all_fresh:
            lasts[c, s], breaks[c, s] = is_condition[rows].any(), is_break[rows].any()
    caused = p_total > 0
    matters = np.zeros((n_cohorts, N_PLANNED_PURPOSES), np.bool_)
    for stage, drawn in STAGE_PURPOSES.items():
        matters[:, drawn.cause] = caused[:, stage]
        if drawn.time is not None:
            matters[:, drawn.time] = timed[:, stage]
    by_block = matters.reshape(n_cohorts, N_PLANNED_BLOCKS, BLOCK_WORDS)
    follows_link = follows_links(spec)
    outages = spec.outages
    flows = (outages.epoch_cap > 0) & (outages.epoch_bandwidth[:, None] > 0)
    kept = kept_devices(len(spec.cohort))
    kept_every = int(kept[1]) if len(kept) > 1 else max(len(spec.cohort), 1)
    kept_shift = _DEVICE_BITS + (kept_every - 1).bit_length()
    return Shortcuts(
        looks_early=(cohorts.link >= 0) | lasts[:, : Stage.DOWNLOAD].any(axis=1),
        looks_late=lasts[:, Stage.DOWNLOAD + 1 :].any(axis=1) | (np.diff(spec.windows.install_lo) > 0),
        draws_block=np.asarray(by_block.any(axis=2)),
        has_condition=lasts,
        has_break=breaks,
        follows_link=follows_link,
        may_break=follows_link | breaks[:, Stage.DOWNLOAD],
        by_mark=cohorts.resume | follows_link,
        p_total=p_total,
        instant=is_unlimited(spec),
        leaves=bool((causes.leaves != LEAVES_OLD).any() | cohorts.resume.any()),
        network_free=is_network_free(spec),
        flow_stops=follows_link | ~flows.all(axis=0),
        kept_from=n_cohorts + (len(spec.cohort) >> SUMMED_BITS),
        kept_every=kept_every,
        # For numbers of so many bits, dividing by multiplying is exact if the factor is rounded up:
        # T. Granlund and P. L. Montgomery, "Division by invariant integers using multiplication", PLDI 1994.
        kept_factor=-(-(1 << kept_shift) // kept_every),
        kept_shift=kept_shift,
    )


class Given(Table, frozen=False):
    """The fleet at its own address, and functions by theirs (`sim.fleet.compiled.memory.cold`).

    A kernel has a copy of the spec on its stack, which LLVM takes into registers only as long as no such
    function is passed its address. What they are passed is this one, which `State` refers to.

    Attributes:
        spec: The fleet.
        cuts: Its shortcuts.
        state: Address of the state.
        early: That of `look_before_download`; 0 like the others if the fleet does not need it.
        late: That of `look_after_download`.
        again: That of `look_again`.
        condition: That of `verdict_of_condition`.
        follow: That of `begin_to_follow`.
        turn: That of `turn_link`.
        cut: That of `cut_by_break`.
        waits: That of `book_waits`.
        frozen: That of `frozen_ticks`.
        until_now: That of `book_until_now`.
        stopping_flow: That of `book_stopping_flow`.
        work_again: That of `book_work_again`.
        take_back: That of `take_back`; 0 until somebody needs it.
        join: That of `join_line`.
        leave: That of `leave_line`.
        pause: That of `pause_line`.
        take: That of `take_finished`.
        received: That of `received_on_line`.
        rates: That of `set_tree_rates`.
    """

    spec: FleetSpec
    cuts: Shortcuts
    state: int
    early: int
    late: int
    again: int
    condition: int
    follow: int
    turn: int
    cut: int
    waits: int
    frozen: int
    until_now: int
    stopping_flow: int
    work_again: int
    take_back: int
    join: int
    leave: int
    pause: int
    take: int
    received: int
    rates: int


def new_given(spec: FleetSpec, cuts: Shortcuts) -> Given:
    """Return what a fleet gives, without addresses."""
    none = {name: 0 for name, field in Given.fields.items() if field.kind == "number"}
    return Given(spec=spec, cuts=cuts, **none)
