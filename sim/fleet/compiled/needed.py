"""Which of the functions that kernels call by their address a fleet needs."""

from __future__ import annotations

from sim.fleet.compiled.accounts.books import book_until_now, frozen_ticks
from sim.fleet.compiled.corrections.take_back import book_work_again
from sim.fleet.compiled.downloads import begin_to_follow, cut_by_break, turn_link
from sim.fleet.compiled.memory.cold import address_of
from sim.fleet.compiled.memory.state import State
from sim.fleet.compiled.presampling import look_again
from sim.fleet.compiled.stages.attempt import book_waits, look_after_download, look_before_download
from sim.fleet.compiled.stages.download import verdict_of_condition
from sim.fleet.compiled.stages.transfers import book_stopping_flow
from sim.fleet.compiled.tree import moves
from sim.rules.stages import Stage


def find_functions(st: State) -> None:
    """Enter the addresses of the functions that the state's fleet needs; they are compiled for the first."""
    given = st.given
    cuts = given.cuts
    given.state = st.address
    if cuts.looks_early.any():
        given.early = address_of(look_before_download)
    if cuts.looks_late.any():
        given.late = address_of(look_after_download)
        if not cuts.network_free:
            given.again = address_of(look_again)
    if cuts.has_condition[:, Stage.DOWNLOAD].any():
        given.condition = address_of(verdict_of_condition)
    if len(st.breaks):
        given.follow = address_of(begin_to_follow)
        given.turn = address_of(turn_link)
        given.cut = address_of(cut_by_break)
    if len(given.spec.outages.away_from) or len(given.spec.windows.contact_from):
        given.waits = address_of(book_waits)
    if len(given.spec.outages.freeze_from):
        given.frozen = address_of(frozen_ticks)
    if not cuts.network_free:
        given.until_now = address_of(book_until_now)
        given.work_again = address_of(book_work_again)
        if cuts.flow_stops.any():
            given.stopping_flow = address_of(book_stopping_flow)
    if len(st.line):
        given.join = address_of(moves.join_line)
        given.leave = address_of(moves.leave_line)
        given.take = address_of(moves.take_finished)
        given.received = address_of(moves.received_on_line)
        given.rates = address_of(moves.set_rates_of_lines if len(st.tree.clocks) else moves.set_tree_rates)
        if len(st.breaks):
            given.pause = address_of(moves.pause_line)
