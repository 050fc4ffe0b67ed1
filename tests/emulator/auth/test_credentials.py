"""Tests of where credentials come from and who can read them."""

import os
import stat

import pytest

from sim.emulator.auth.credentials import (
    Credentials,
    find_credentials,
    from_environment,
    from_file,
    is_exposed,
)
from sim.errors import ScenarioError

PROJECT = "f" * 32


def test_find__makes_them_up_once_and_keeps_them_private(tmp_path):
    """The first start makes all four, for the owner's eyes only; the second one has nothing new."""
    first, told = find_credentials(tmp_path, environment={})
    second, nothing = find_credentials(tmp_path, environment={})

    assert first == second
    assert [line.partition("=")[0] for line in told.splitlines()] == [
        "FLEETSIM_AK",
        "FLEETSIM_SK",
        "FLEETSIM_TOKEN",
        "FLEETSIM_PROJECT_ID",
    ]
    assert first.sk in told
    assert nothing == ""
    assert stat.S_IMODE((tmp_path / "credentials").stat().st_mode) == 0o600


def test_find__two_folders_have_different_ones(tmp_path):
    """Nothing about generated credentials can be guessed from another server's."""
    made = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        made.append(find_credentials(tmp_path / name, environment={})[0])

    assert not {made[0].ak, made[0].sk, made[0].token} & {made[1].ak, made[1].sk, made[1].token}
    assert made[0].project_id != made[1].project_id


def test_find__the_environment_wins_and_is_not_stored(tmp_path):
    """What the environment sets is used and never written down; the rest is generated."""
    environment = {"FLEETSIM_TOKEN": "given-token", "FLEETSIM_PROJECT_ID": PROJECT}
    credentials, told = find_credentials(tmp_path, environment=environment)

    assert (credentials.token, credentials.project_id) == ("given-token", PROJECT)
    assert "given-token" not in told
    assert "given-token" not in (tmp_path / "credentials").read_text()


def test_find__all_given_leaves_no_file(tmp_path):
    """A server that is told everything stores nothing."""
    environment = {
        "FLEETSIM_AK": "AK",
        "FLEETSIM_SK": "s",
        "FLEETSIM_TOKEN": "t",
        "FLEETSIM_PROJECT_ID": PROJECT,
    }
    credentials, told = find_credentials(tmp_path, environment=environment)

    assert credentials == Credentials("AK", "s", "t", PROJECT)
    assert told == ""
    assert list(tmp_path.iterdir()) == []


def test_file__reads_what_a_shell_could_source(tmp_path):
    """Comments, `export` and quotes are fine; the environment still wins."""
    path = tmp_path / "mine"
    path.write_text(
        f"# ours\n\nexport FLEETSIM_AK='AK1'\nFLEETSIM_SK=\"x=y\"\nFLEETSIM_PROJECT_ID={PROJECT}\n"
    )
    credentials, _ = find_credentials(tmp_path, file=path, environment={"FLEETSIM_PROJECT_ID": "0" * 32})

    assert (credentials.ak, credentials.sk, credentials.project_id) == ("AK1", "x=y", "0" * 32)


@pytest.mark.parametrize(
    ("environment", "text"),
    [
        ({"FLEETSIM_AK": "AK"}, "come together"),
        ({"FLEETSIM_AK": "with space", "FLEETSIM_SK": "s"}, "FLEETSIM_AK: must be"),
        ({"FLEETSIM_PROJECT_ID": "F" * 32}, "32 hexadecimal"),
        ({"FLEETSIM_TOKEN": "two words"}, "printable"),
    ],
)
def test_environment__wrong_forms_are_named_without_their_value(environment, text):
    """A wrong value is reported by the name of its variable; the value itself is not repeated."""
    with pytest.raises(ScenarioError, match=text) as error:
        from_environment(environment)

    assert all(value not in str(error.value) for value in environment.values() if " " in value)


@pytest.mark.parametrize(
    ("content", "text"),
    [(b"FLEETSIM_AKK=1\n", "expected one of"), (b"nonsense\n", "expected one of"), (b"\xff", "UTF-8")],
)
def test_file__what_is_wrong_is_said_with_its_place(tmp_path, content, text):
    """A credentials file with something else in it is refused, with the line."""
    path = tmp_path / "mine"
    path.write_bytes(content)
    with pytest.raises(ScenarioError, match=text):
        from_file(path)
    with pytest.raises(ScenarioError, match="can't be read"):
        from_file(tmp_path / "absent")


def test_repr__shows_no_secret():
    """A traceback or log line that holds credentials gives neither key nor token away."""
    assert "hidden" not in repr(Credentials("AK", "hidden-sk", "hidden-token", PROJECT))


@pytest.mark.skipif(os.name != "posix", reason="other systems keep files private by other means")
@pytest.mark.parametrize(("mode", "expected"), [(0o600, False), (0o400, False), (0o640, True), (0o604, True)])
def test_is_exposed__whatever_others_can_read(tmp_path, mode, expected):
    """Files that others can read are told from private ones; an absent one exposes nothing."""
    path = tmp_path / "credentials"
    assert not is_exposed(path)
    path.write_text("")
    path.chmod(mode)

    assert is_exposed(path) is expected
