"""The compiled plane's memory: room for what is drawn ahead."""

import runpy

import pytest

from sim.fleet.compiled.memory import shortcuts, state
from sim.fleet.model import purposes
from sim.rules import Stage


@pytest.mark.parametrize(("last", "rows"), [(18, 20), (20, 24)])
def test_uniforms__have_room_for_every_purpose_of_a_stage(monkeypatch, last, rows):
    """A stage with a purpose beyond those of today gets a row for it, and the lift moves behind."""
    table = {**purposes.STAGE_PURPOSES, Stage.REBOOT: purposes.StagePurposes(17, last)}
    monkeypatch.setattr(purposes, "STAGE_PURPOSES", table)
    monkeypatch.setattr(purposes, "LAST_OF_STAGES", last)

    planned = runpy.run_path(shortcuts.__file__)["N_PLANNED_PURPOSES"]
    monkeypatch.setattr(shortcuts, "N_PLANNED_PURPOSES", planned)
    names = runpy.run_path(state.__file__)

    assert names["LIFT"] == rows
    assert names["new_uniforms"]().shape == (rows + 1, state.N_PLANS)


def test_uniforms__of_today_are_four_blocks():
    """Blocks are drawn whole; the lift has the row after the last of them."""
    assert state.LIFT == 16
    assert state.new_uniforms().shape == (17, state.N_PLANS)
