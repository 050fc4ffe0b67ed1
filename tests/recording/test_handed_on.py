"""Copies of recordings to be handed on name no device, and hold the same attempts."""

import pytest

import sim
from sim.errors import ScenarioError
from sim.recording.handed_on import copy_with_pseudonyms
from sim.recording.pseudonyms import Pseudonyms
from sim.recording.recording_files import COLUMNS, read_rows
from support.recordings import call, counted, stay, swept, task_object, write_recording

KEY = b"sixteen bytes at"
ROWS = [
    stay("meter-1", "Processing", 0, 1, 4),
    stay("meter-1", "Fail", 4, 6, 20, error_code="2"),
    stay("meter-1", "Processing", 20, 25, 30),
    stay("meter-2", "Success", 0, 1, 30),
]


@pytest.fixture
def recording(tmp_path):
    """Return the folder of a recording with a list, counts, sweeps and a call that names a device."""
    folder = write_recording(
        tmp_path / "rec",
        ROWS,
        tasks=[task_object(task_policy={})],
        progress=[counted(1, processing=1, success=1)],
        sweeps=swept(1, 6, 20, 25, 30),
        calls=[call(22, "meter-1", answer='200 {"target": "meter-1"}'), call(29, None, operation="stop")],
    )
    (folder / "devices.csv").write_text(
        "node_id,device_id,cohort\nmeter-1,meter-1,old\nmeter-2,meter-2,new\n"
    )
    return folder


def test_copy_with_pseudonyms__holds_the_same_and_names_nobody(recording, tmp_path):
    """The copy reads as the original does with the same key, and no file of it has an id."""
    sizes = copy_with_pseudonyms(recording, tmp_path / "copy", Pseudonyms(KEY))

    copy = sim.load_recording(tmp_path / "copy")
    assert sizes == {"sightings": 4, "progress": 1, "calls": 2, "sweeps": 5}
    assert copy.table.digest() == sim.load_recording(recording, pseudonym_key=KEY).table.digest()
    assert copy.attempts["start"].tolist().count("call") == 1
    assert sorted(copy.table.cohort_names) == ["new", "old"]
    tables = [str(read_rows(tmp_path / "copy", name).columns) for name in COLUMNS]
    files = [
        (tmp_path / "copy" / name).read_text() for name in ("recording.json", "tasks.json", "devices.csv")
    ]
    assert "meter" not in "".join([*tables, *files])


def test_copy_with_pseudonyms__does_not_mix(recording, tmp_path):
    """Nothing is copied over something else, and nothing from where there is no recording."""
    with pytest.raises(ScenarioError, match="is not empty; give another folder"):
        copy_with_pseudonyms(recording, recording, Pseudonyms(KEY))
    with pytest.raises(ScenarioError, match="can't be read"):
        copy_with_pseudonyms(tmp_path / "none", tmp_path / "copy", Pseudonyms(KEY))
