"""Which files are scenarios, by a glance at their text."""

import pytest

from sim.testing.discovery import (
    baselines_beside,
    is_unused,
    marks_in,
    names_in,
    scenario_files,
    text_of,
    unused_baselines,
)


@pytest.mark.parametrize(
    ("text", "ours"),
    [
        ("fleet: {}\n", True),
        ("name: x\ncampaign:\n  package: {}\n", True),
        ("# comment\n'fleet': {}\n", True),
        ("{name: x, fleet: {cohorts: []}}\n", True),
        ("\ufefffleet: {}\n", True),
        ("", False),
        ("- fleet: x\n", False),
        ("all:\n  fleet: x\n", False),
        ("my_fleet: x\n", False),
        ("fleets: x\n", False),
        ("# fleet: x\n", False),
    ],
)
def test_text_of__takes_files_with_our_keys_at_the_top(tmp_path, text, ours):
    """Somebody else's YAML in a folder of that name is left alone; a broken scenario is not."""
    path = tmp_path / "x.yaml"
    path.write_text(text, encoding="utf-8")

    assert (text_of(path) is not None) == ours


def test_text_of__does_not_stumble(tmp_path):
    """Folders, binary files, other suffixes and missing files are none of ours."""
    (tmp_path / "dir.yaml").mkdir()
    (tmp_path / "bin.yaml").write_bytes(b"fleet: \xff\xfe")
    (tmp_path / "x.txt").write_text("fleet: {}")

    names = ("dir.yaml", "bin.yaml", "x.txt", "missing.yaml")
    assert [text_of(tmp_path / name) for name in names] == [None] * 4


def test_marks_in__are_those_of_a_comment():
    """`# pytest:` names marks, by spaces or commas; anything else is a comment."""
    assert marks_in("# pytest: slow\nname: x\n#pytest: gpu, nightly\n") == ["slow", "gpu", "nightly"]
    assert marks_in("# runs in pytest: see README\nname: x # pytest: no\n") == []


@pytest.fixture
def folder(tmp_path):
    """Return a folder with scenarios under several names, and baselines."""
    texts = {
        "a.yaml": "name: alpha  # first\nfleet: {}\n",
        "b.yaml": 'name: "beta"\nfleet: {}\n',
        "c.yaml": "fleet: {}\n",
        "other.yaml": "name: delta\n",
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "baselines").mkdir()
    for name in ("alpha", "beta", "scenario", "delta"):
        (tmp_path / "baselines" / f"{name}.json").write_text("{}", encoding="utf-8")
    return tmp_path


def test_names_in__are_the_scenarios_own(folder):
    """The name is read from the file, quoted or not; without one the default holds."""
    assert {path.name: name for path, name in names_in(folder).items()} == {
        "a.yaml": "alpha",
        "b.yaml": "beta",
        "c.yaml": "scenario",
    }


def test_unused_baselines__are_those_without_a_scenario(folder):
    """A file of that name that is no scenario doesn't count."""
    assert [path.name for path in unused_baselines(folder)] == ["delta.json"]
    assert not is_unused(folder / "a.yaml")
    assert not is_unused(folder / "baselines" / "alpha.json")
    assert baselines_beside(folder / "a.yaml") == 4


def test_scenario_files__are_found_in_folders_below(folder):
    """All scenarios below a folder, and nothing else, in order."""
    (folder / "eu").mkdir()
    (folder / "eu" / "z.yml").write_text("campaign: {}\n", encoding="utf-8")

    assert [path.name for path in scenario_files(folder)] == ["a.yaml", "b.yaml", "c.yaml", "z.yml"]
