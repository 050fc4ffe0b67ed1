"""Signatures and credentials: accepted by the emulator's own check, and never shown."""

from datetime import UTC, datetime, timedelta

import pytest

from sim.emulator.auth.authentication import Authenticator
from sim.emulator.auth.signature import Request
from sim.errors import ApiError, ScenarioError
from sim.recording.signing import NO_PROJECT, Access, find_access, signed_headers
from sim.rules import Limits
from support.emulator import CREDENTIALS, PROJECT

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
KEYS = {"FLEETSIM_AK": CREDENTIALS.ak, "FLEETSIM_SK": CREDENTIALS.sk, "FLEETSIM_PROJECT_ID": PROJECT}
TARGETS = [
    f"/v5/iot/{PROJECT}/batchtasks/0001?limit=50&task_detail_status=FailWaitRetry",
    f"/v5/iot/{PROJECT}/batchtasks?task_type=firmwareUpgrade&marker=",
    f"/v5/iot/{PROJECT}/devices/a-b_c~d?z=a%20b%2Bc&a=%C3%A4",
]


def check(access, target, *, body=b"", now=NOW, server_now=NOW):
    """Let the emulator judge a request."""
    headers = signed_headers(access, "GET", target, "127.0.0.1:8787", now, body)
    path, _, query = target.partition("?")
    given = {name.lower(): value.encode() for name, value in headers.items()}
    judge = Authenticator(CREDENTIALS, Limits(), utc_now=lambda: server_now)
    judge.check(Request("GET", path.encode(), query.encode(), given, body))


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("body", [b"", b'{"seconds":1}'])
@pytest.mark.parametrize("region", [None, "cn-north-4"])
def test_signed_headers__pass_the_check(target, body, region):
    """Both signatures cover path, query, headers and body as a server sees them."""
    check(find_access(region, KEYS), target, body=body)


@pytest.mark.parametrize("region", [None, "cn-north-4"])
def test_signed_headers__another_key_or_an_old_date_does_not(region):
    """The check that the tests above pass is one that can fail."""
    wrong = find_access(region, {**KEYS, "FLEETSIM_SK": "another"})
    with pytest.raises(ApiError, match="Authentication failed"):
        check(wrong, TARGETS[0])
    with pytest.raises(ApiError):
        check(find_access(region, KEYS), TARGETS[0], server_now=NOW + timedelta(minutes=16))


def test_find_access__keys_go_before_a_token():
    """A token expires after a day, so keys are preferred; the SDK's names are known as well."""
    both = find_access(None, {**KEYS, "FLEETSIM_TOKEN": "t"})
    token = find_access(None, {"FLEETSIM_TOKEN": "t", "FLEETSIM_PROJECT_ID": PROJECT})
    sdk = {
        "HUAWEICLOUD_SDK_AK": "a",
        "HUAWEICLOUD_SDK_SK": "s",
        "HUAWEICLOUD_SDK_PROJECT_ID": PROJECT,
        "HUAWEICLOUD_SDK_SECURITY_TOKEN": "temporary",
    }
    temporary = find_access(None, sdk)

    assert (both.form, both.token) == ("plain", "")
    assert signed_headers(token, "GET", "/", "h", NOW)["X-Auth-Token"] == "t"
    headers = signed_headers(temporary, "GET", "/", "h", NOW)
    assert headers["X-Security-Token"] == "temporary"
    assert "x-security-token" in headers["Authorization"]
    assert find_access(None, {}) == Access("none", NO_PROJECT)


def test_find_access__shows_no_secret():
    """Whoever prints it sees neither key nor tokens."""
    access = Access("plain", PROJECT, ak="a", sk="hidden1", token="hidden2", security_token="hidden3")
    assert "hidden" not in repr(access)


@pytest.mark.parametrize(
    ("variables", "region", "says"),
    [
        ({"FLEETSIM_AK": "a", "FLEETSIM_PROJECT_ID": PROJECT}, None, "FLEETSIM_AK and FLEETSIM_SK come"),
        ({"FLEETSIM_TOKEN": "t"}, None, "FLEETSIM_PROJECT_ID: is not set"),
        ({**KEYS, "FLEETSIM_PROJECT_ID": "mine"}, None, "must be 32 hexadecimal digits"),
        ({**KEYS, "FLEETSIM_SK": "my secret"}, None, "FLEETSIM_SK: must be 1 to 256 printable"),
        ({"FLEETSIM_TOKEN": "t", "FLEETSIM_PROJECT_ID": PROJECT}, "cn-north-4", "--region: a signature"),
        (KEYS, "Mars!", "--region: 'Mars!' is no region"),
    ],
)
def test_find_access__says_what_is_wrong_and_shows_no_value(variables, region, says):
    """What is missing or has another form is named by its variable."""
    with pytest.raises(ScenarioError) as error:
        find_access(region, variables)
    assert says in str(error.value)
    assert "my secret" not in str(error.value)
