"""From the simulated truth through the service, the recorder and the reader to the table of attempts."""

import json
from itertools import groupby

import numpy as np
import pytest

import sim
from sim.fleet.compiled import CompiledFleet
from sim.recording.attempts import StartKind
from sim.recording.recorder import Pace
from sim.recording.recording_files import compact
from support.emulator import TASKS
from support.recording import POLICY, DirectClock, record_in_process

FLEET = {
    "cohorts": [
        {
            "name": "meters",
            "devices": 300,
            "online": {"fraction": "70 %", "mean_offline": "2 h"},
            "failures": [
                {"stage": "query", "code": 1, "probability": "5 %"},
                {"stage": "download", "code": 2, "probability": "10 %"},
                {"stage": "install", "code": 10, "permanent": "3 %"},
            ],
        }
    ]
}


@pytest.fixture
def logged(make_api, monkeypatch):
    """Return an API over a fleet that keeps every attempt."""
    make = CompiledFleet.__init__
    monkeypatch.setattr(
        CompiledFleet,
        "__init__",
        lambda self, *given, **named: make(self, *given, **{**named, "log_attempts": True}),
    )
    return make_api(fleet=FLEET)


def true_attempts(api):
    """Return start, end and reason of each device's attempts; ms after the start of the world."""
    log = api.session.world.fleet.attempt_log()
    names = api.session.world.service.names.all_ids()
    found = {}
    for device, start, end, reason in zip(
        log.device.tolist(), log.start.tolist(), log.end.tolist(), log.reason.tolist(), strict=True
    ):
        found.setdefault(names[device], []).append((start / 1e3, end / 1e3, reason))
    return found


def found_attempts(table):
    """Return the rows of each device."""
    return {device: np.flatnonzero(table.device == i) for i, device in enumerate(table.devices)}


def holds(table, row, start, end):
    """Tell whether true times lie in the intervals of a row; those of answers are whole milliseconds."""
    starts = table.start_from[row] <= start <= table.start_to[row]
    return starts and table.end_from[row] <= end <= table.end_to[row]


def test_round_trip__attempts_are_the_true_ones(logged, tmp_path):
    """Each attempt is found again with its cause, and its true times lie in its intervals."""
    task_id = logged.create(groups=["meters"], task_policy=POLICY)
    record_in_process(logged, tmp_path / "rec", task_id, pace=Pace(every_s=60))
    true = true_attempts(logged)

    loaded = sim.load_recording(tmp_path / "rec")

    table = loaded.table
    assert len(table) == sum(map(len, true.values())) > 350
    for device, rows in found_attempts(table).items():
        assert table.reason[rows].tolist() == [reason for _, _, reason in true[device]]
        for row, (start, end, _) in zip(rows, true[device], strict=True):
            assert holds(table, row, start, end), device
    assert not any("missing" in note or "lost" in note for note in loaded.notes)
    compact(tmp_path / "rec")
    assert sim.load_recording(tmp_path / "rec").table.digest() == table.digest()


def test_round_trip__sweeps_as_slow_as_allowed(logged, tmp_path):
    """Sweeps no further apart than the retry interval see each cause; repeats that they may miss are said."""
    task_id = logged.create(groups=["meters"], task_policy=POLICY)
    record_in_process(logged, tmp_path / "rec", task_id)
    true = true_attempts(logged)

    loaded = sim.load_recording(tmp_path / "rec")

    table = loaded.table
    hidden = 0
    for device, rows in found_attempts(table).items():
        codes = [reason for _, _, reason in true[device]]
        assert [code for code, _ in groupby(table.reason[rows].tolist())] == [c for c, _ in groupby(codes)]
        hidden += len(codes) - len(rows)
        if len(codes) == len(rows):
            assert all(holds(table, row, *true[device][i][:2]) for i, row in enumerate(rows)), device
    assert 0 <= hidden < 20
    assert not hidden or any("may be hidden" in note or "lost" in note for note in loaded.notes)


def test_round_trip__retry_calls_and_stops(logged, tmp_path):
    """Calls that nobody noted are taken for what they were; noted, they are exact."""
    task_id = logged.create(groups=["meters"], task_policy={})
    clock = DirectClock(logged)
    begin = clock.now_ms()
    moved = []

    def tell(_):
        if len(moved) == 0 and clock.now_ms() > begin + 3_600_000:
            clock.sleep(7)
            moved.append(round(clock.now_ms()))
            logged.post(f"{TASKS}/{task_id}/retry", {})

    record_in_process(logged, tmp_path / "rec", task_id, clock=clock, tell=tell)
    unknown = sim.load_recording(tmp_path / "rec")
    row = {"task_id": task_id, "at": moved[0], "operation": "retry", "targets": None, "answer": "200"}
    (tmp_path / "rec" / "calls.jsonl").write_text(json.dumps(row) + "\n")
    noted = sim.load_recording(tmp_path / "rec")

    true = true_attempts(logged)
    n_called = sum(len(rows) - 1 for rows in true.values())
    assert n_called > 10
    assert {*noted.table.start_kind[noted.table.number == 2].tolist()} == {StartKind.CALL}
    assert any("taken for retry calls" in note for note in unknown.notes)
    assert not any("taken for retry calls" in note for note in noted.notes)
    n_hidden = 0
    for device, rows in found_attempts(noted.table).items():
        if len(rows) < len(true[device]):  # it failed between the last look and the call
            assert noted.table.end_from[rows[0]] < moved[0] - begin < noted.table.end_to[rows[0]]
            n_hidden += 1
            continue
        assert all(holds(noted.table, row, *true[device][i][:2]) for i, row in enumerate(rows)), device
    assert n_hidden == 0 or any("right before the call may be hidden" in note for note in noted.notes)
