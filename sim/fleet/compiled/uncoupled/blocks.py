"""Batches cut into blocks, which threads play; and what each batch went through."""

from __future__ import annotations

from typing import Final

import numpy as np

from sim.cpus import BLOCK, each_of
from sim.fleet.compiled import calls
from sim.fleet.compiled.accounts.rows import ticks_of
from sim.fleet.compiled.memory.shortcuts import Shortcuts
from sim.fleet.compiled.memory.state import N_PLANS, N_STATUS, State, new_uniforms
from sim.fleet.compiled.memory.tables import HELD, PLAN, SPAN, records
from sim.fleet.compiled.uncoupled.batch import Batch, Sums
from sim.fleet.compiled.uncoupled.load import FreeDownloads
from sim.fleet.compiled.uncoupled.play import (
    LATEST_END,
    N_BEGUN,
    N_ROOM,
    N_SPANS,
    N_TALLY,
    N_WORKED,
    NEXT_DUE,
    Account,
    play_block,
)
from sim.fleet.held_up import N_HOLDS
from sim.fleet.spec import NEVER, FleetSpec, Int64s

_LEAST_BLOCK: Final = 4096


class Blocks:
    """Plays batches in blocks on threads."""

    def __init__(
        self, spec: FleetSpec, cuts: Shortcuts, st: State, downloads: FreeDownloads, *, threads: int
    ) -> None:
        """Remember who is played with what.

        Args:
            st: Mutated in the devices' rows.
            downloads: Takes in earlier downloads of devices that begin another attempt.
            threads: Threads to use.
        """
        self._spec = spec
        self._cuts = cuts
        self._st = st
        self._downloads = downloads
        self._threads = threads

    def play(self, batches: list[Batch], until: int, *, first_row: int) -> tuple[list[Sums], Int64s]:
        """Play batches up to and including `until`, without the dispatches at that tick.

        Args:
            batches: One or more; they note how far they are played.
            until: Last tick.
            first_row: Curve row at which the changes begin.

        Returns:
            What each batch went through, and (G, 7) int64 changes of the counts by curve row.
        """
        n_rows = -(-until // self._spec.platform.resolution_ticks) - first_row + 1
        n_devices = sum(len(batch.devices) for batch in batches)
        size = min(BLOCK, max(_LEAST_BLOCK, -(-n_devices // self._threads)))
        sums = [self._no_sums() for _ in batches]
        done: list[tuple[int, Sums]] = []
        accounts: list[Account] = []

        def work(block: tuple[int, int]) -> None:
            i, lo = block
            # One account a thread: laying out and adding up one a block would cost a quarter of the time.
            try:
                account = accounts.pop()
            except IndexError:
                account = self._new_account(first_row, n_rows)
            hi = min(lo + size, len(batches[i].devices))
            done.append((i, self._play_block(batches[i], lo, hi, until, account)))
            accounts.append(account)

        blocks = [(i, lo) for i, batch in enumerate(batches) for lo in range(0, len(batch.devices), size)]
        each_of(blocks, self._threads, work)
        for i, part in done:
            sums[i].add(part)
        for batch, of in zip(batches, sums, strict=True):
            batch.note(of, until)
        changes = accounts.pop().diff
        while accounts:
            changes += accounts.pop().diff
        return sums, changes

    def _play_block(self, batch: Batch, lo: int, hi: int, until: int, account: Account) -> Sums:
        """Play the devices at positions lo..hi; return what they went through."""
        st, devices = self._st, batch.devices[lo:hi]
        n_new = 0
        if not batch.are_ready:
            n_new = calls.mark_ready(st.out.status, st.out.attempts, st.work, devices)
        if batch.keeps:
            batch.keep(st, devices, are_untouched=n_new == len(devices))
        tally, sums = account.tally, self._no_sums()
        tally[:] = 0
        tally[LATEST_END], tally[NEXT_DUE] = -1, NEVER
        account.wasted[:] = 0
        held_up = ticks_of(account.held_up)
        held_up[:] = 0
        account.change[:] = 0
        while lo < hi:
            lo = play_block(self._spec, self._cuts, st, batch.devices, lo, hi, batch.played, until, account)
            n = int(tally[N_SPANS])
            if n:
                sums.downloads.append(self._downloads.add(account.spans[:n]))
                tally[N_SPANS] = 0
        sums.change += account.change
        sums.wasted += account.wasted
        sums.held_up += held_up
        sums.worked, sums.begun = int(tally[N_WORKED]), int(tally[N_BEGUN])
        sums.last_end, sums.next_due = int(tally[LATEST_END]), int(tally[NEXT_DUE])
        return sums

    def _no_sums(self) -> Sums:
        """Return what nobody went through."""
        n_cohorts = len(self._st.flows)
        return Sums(
            change=np.zeros(N_STATUS, np.int64),
            wasted=np.zeros(n_cohorts, np.int64),
            held_up=np.zeros((self._cuts.kept_from, N_HOLDS), np.int64),
        )

    def _new_account(self, first_row: int, n_rows: int) -> Account:
        """Return an account whose curve has no changes yet; all else is set for each block."""
        return Account(
            first_row=first_row,
            diff=np.zeros((n_rows, N_STATUS), np.int64),
            change=np.zeros(N_STATUS, np.int64),
            wasted=np.zeros(len(self._st.flows), np.int64),
            held_up=records(self._cuts.kept_from, HELD),
            spans=records(N_ROOM, SPAN),
            plans=records(N_PLANS, PLAN),
            begins=np.zeros(N_PLANS, np.int64),
            uniforms=new_uniforms(),
            tally=np.zeros(N_TALLY, np.int64),
        )
