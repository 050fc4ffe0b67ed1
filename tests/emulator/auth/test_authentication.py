"""Tests of who may pass."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from sim.emulator.auth.authentication import Authenticator
from sim.emulator.auth.signature import DERIVED, PLAIN, Authorization, Request, body_hash, signature_of
from sim.errors import ApiError
from sim.rules import Limits
from support.emulator import CREDENTIALS, PROJECT, TASKS

NOW = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)
SIGNED = ("content-type", "host", "x-sdk-date")


def authenticator(**options):
    """Return an authenticator that lives at noon."""
    return Authenticator(CREDENTIALS, Limits(), utc_now=lambda: NOW, **options)


def signed(
    body=b"{}",
    *,
    at=NOW,
    scheme=PLAIN,
    ak=CREDENTIALS.ak,
    sk=CREDENTIALS.sk,
    names=SIGNED,
    info=None,
    more=None,
    path=TASKS,
):
    """Return a request with a signature that is right for what it holds."""
    date = f"{at:%Y%m%dT%H%M%SZ}"
    headers = {
        "host": b"localhost",
        "x-sdk-date": date.encode(),
        "content-type": b"application/json",
        **(more or {}),
    }
    request = Request("POST", path.encode(), b"", headers, body)
    info = f"{date[:8]}/cn-north-4/iotdm" if info is None else info
    authorization = Authorization(scheme, ak, info if scheme == DERIVED else "", names, "")
    signature = signature_of(request, authorization, sk)
    who = f"Access={ak}" if scheme == PLAIN else f"Credential={ak}/{info}"
    value = f"{scheme} {who}, SignedHeaders={';'.join(names)}, Signature={signature}"
    headers["authorization"] = value.encode()
    return request


def refusal(request, **options):
    """Return status, code and message of the refusal."""
    with pytest.raises(ApiError) as error:
        authenticator(**options).check(request)
    return error.value.status, error.value.code, error.value.message


def with_header(request, name, value):
    """Return the request with another header."""
    return Request(
        request.method, request.path, request.query, {**request.headers, name: value}, request.body
    )


@pytest.mark.parametrize("scheme", [PLAIN, DERIVED])
def test_signature__that_is_right_passes(scheme):
    """Both forms of signature let a request through, with and without a body."""
    for body in (b"", b"{}", b'{"targets":["a"]}'):
        authenticator().check(signed(body, scheme=scheme))


@pytest.mark.parametrize("scheme", [PLAIN, DERIVED])
@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"sk": "another"}, "verify aksk signature fail"),
        ({"ak": "NOBODY"}, "ak not exist"),
        ({"at": NOW - timedelta(minutes=15, seconds=1)}, "signature expired"),
        ({"at": NOW + timedelta(minutes=15, seconds=1)}, "signature expired"),
        ({"names": ("content-type", "x-sdk-date")}, "host is not signed"),
    ],
)
def test_signature__that_is_wrong_is_401(scheme, change, text):
    """Wrong key, stale date or too few signed headers: not authenticated, and why."""
    status, code, message = refusal(signed(scheme=scheme, **change))

    assert (status, code) == (401, "IOTDA.000002")
    assert text in message


def test_signature__fifteen_minutes_are_allowed():
    """A clock may be wrong by exactly a quarter of an hour, either way."""
    for minutes in (-15, 15):
        authenticator().check(signed(at=NOW + timedelta(minutes=minutes)))


@pytest.mark.parametrize(
    "altered",
    [
        lambda r: Request("DELETE", r.path, r.query, r.headers, r.body),
        lambda r: Request(r.method, r.path + b"/x", r.query, r.headers, r.body),
        lambda r: Request(r.method, r.path, b"limit=1", r.headers, r.body),
        lambda r: Request(r.method, r.path, r.query, r.headers, b'{"targets":[]}'),
        lambda r: Request(r.method, r.path, r.query, r.headers, b""),
        lambda r: with_header(r, "host", b"elsewhere"),
        lambda r: with_header(r, "content-type", b"text/plain"),
        lambda r: with_header(r, "x-sdk-content-sha256", body_hash(r.body)),
    ],
)
def test_signature__of_something_else_is_401(altered):
    """Nothing that the signature covers can be changed; an added content hash doesn't help."""
    request = altered(signed(b'{"targets":["a"]}'))
    if "x-sdk-content-sha256" in request.headers:
        request = Request(request.method, request.path, request.query, request.headers, b"altered")

    assert refusal(request)[0] == 401


def test_signature__a_date_that_is_none_is_401():
    """A signed date in another form is refused, not stumbled over."""
    request = with_header(signed(), "x-sdk-date", b"yesterday")

    assert "X-Sdk-Date" in refusal(request)[2]


@pytest.mark.parametrize("info", ["20261123/cn-north-4/iotdm", "20261124/cn-north-4/obs"])
def test_derived__day_and_service_must_be_right(info):
    """A derived key of another day or service doesn't pass, though the signature fits it."""
    status, _, message = refusal(signed(scheme=DERIVED, info=info))

    assert status == 401
    assert "REGION/iotdm" in message


def test_content_hash__must_be_that_of_the_body():
    """A signed content hash is believed only if it is true; `UNSIGNED-PAYLOAD` is for files."""
    names = (*SIGNED, "x-sdk-content-sha256")
    right = {"x-sdk-content-sha256": body_hash(b"{}")}
    unsigned = {"x-sdk-content-sha256": b"UNSIGNED-PAYLOAD"}
    authenticator().check(signed(names=names, more=right))
    authenticator().check(signed(names=names, more={**unsigned, "content-type": b"multipart/form-data"}))

    assert "hash of the body" in refusal(signed(b"[]", names=names, more=right))[2]
    assert "hash of the body" in refusal(signed(names=names, more=unsigned))[2]


@pytest.mark.parametrize(
    "kind", [b"Application/JSON", b"APPLICATION/json; charset=utf-8", b"application/BSON"]
)
def test_content_hash__json_is_never_left_unsigned(kind):
    """A media type has no case: JSON must be signed however it is written."""
    more = {"x-sdk-content-sha256": b"UNSIGNED-PAYLOAD", "content-type": kind}
    request = signed(names=(*SIGNED, "x-sdk-content-sha256"), more=more)

    assert "hash of the body" in refusal(request)[2]


@pytest.mark.parametrize("scheme", [PLAIN, DERIVED])
def test_signature__over_a_header_that_was_sent_twice_is_401(scheme):
    """Of two values the signature covers one, and another could count; one that is not signed may repeat."""
    once = signed(scheme=scheme)
    for name, passes in (("host", False), ("x-sdk-date", False), ("content-type", False), ("accept", True)):
        twice = replace(once, repeated=frozenset({name}))
        if passes:
            authenticator().check(twice)
        else:
            assert f"{name} is signed and was sent more than once" in refusal(twice)[2]


@pytest.mark.parametrize("scheme", [PLAIN, DERIVED])
def test_head__is_judged_without_the_body(scheme):
    """Who has no access key is refused before the body is there; who has one waits for it."""
    for change in ({"ak": "NOBODY"}, {"at": NOW - timedelta(hours=1)}, {"names": ("x-sdk-date",)}):
        with pytest.raises(ApiError, match="Authentication failed"):
            authenticator().check_head(replace(signed(scheme=scheme, **change), body=b""))
    request = signed(scheme=scheme)
    authorization = authenticator().check_head(replace(request, body=b""))
    assert authorization is not None
    authenticator().check_body(request, authorization)

    with pytest.raises(ApiError, match="verify aksk signature fail"):
        authenticator().check_body(replace(request, body=b"[]"), authorization)


def test_authorization__of_another_kind_is_401():
    """A header that no SDK of the vendor sends is refused with what is expected."""
    request = Request("GET", TASKS.encode(), b"", {"host": b"h", "authorization": b"Bearer x"}, b"")

    assert refusal(request)[:2] == (401, "IOTDA.000002")


def test_token__right_wrong_and_absent():
    """The token must be the whole token."""
    request = Request("GET", TASKS.encode(), b"", {"host": b"h"}, b"")
    authenticator().check(with_header(request, "x-auth-token", b"a-token"))

    for wrong in (b"", b"a-toke", b"a-token ", b"\xff"):
        assert refusal(with_header(request, "x-auth-token", wrong))[:2] == (401, "IOTDA.000002")
    assert "x-auth-token not found" in refusal(request)[2]


def test_both__the_signature_decides():
    """A good token doesn't save a bad signature."""
    request = with_header(signed(sk="wrong"), "x-auth-token", b"a-token")

    assert refusal(request)[0] == 401


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        (f"/v5/iot/{'0' * 32}/batchtasks", {}),
        ("/v5/iot/%7Bproject_id%7D/batchtasks", {}),
        (f"/%76%35/iot/{'0' * 32}/batchtasks", {}),
        (TASKS, {"x-project-id": b"another"}),
    ],
)
def test_project__of_somebody_else_is_403(path, headers):
    """Only the caller's own project is there, however the path is written."""
    request = Request("GET", path.encode(), b"", {"host": b"h", "x-auth-token": b"a-token", **headers}, b"")
    status, code, message = refusal(request)

    assert (status, code) == (403, "APIGW.0302")
    assert ("credentials a project id" in message) == ("%7B" in path)


def test_project__the_right_one_passes_percent_encoded_too():
    """A path that means the caller's project passes, and paths without a project don't need one."""
    encoded = f"/v5/iot/%30{PROJECT[1:]}/batchtasks"
    for path in (encoded, "/_sim/clock"):
        authenticator().check(
            Request("GET", path.encode(), b"", {"host": b"h", "x-auth-token": b"a-token"}, b"")
        )


@pytest.mark.parametrize("host", [b"localhost", b"127.0.0.1:8787", b"[::1]:8787", b"LOCALHOST:1"])
def test_open__lets_everybody_on_this_machine_pass(host):
    """Without authentication a request needs nothing but a loopback host."""
    authenticator(is_open=True).check(Request("GET", TASKS.encode(), b"", {"host": host}, b""))


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"host": b"fleet.example"},
        {"host": b"localhost.example"},
        {"host": b"127.0.0.1.example"},
        {"host": b"localhost", "origin": b"null"},
        {"host": b"localhost", "sec-fetch-site": b"cross-site"},
        {"host": b"localhost", "sec-fetch-site": b"Cross-Site"},
        {"host": b"localhost", "sec-fetch-site": b"same-site"},
    ],
)
def test_open__keeps_web_pages_out(headers):
    """A page in a browser on this machine can't call, neither under its own name nor as a form."""
    request = Request("POST", TASKS.encode(), b"", headers, b"")

    assert refusal(request, is_open=True)[0] == 403


@pytest.mark.parametrize("site", [b"none", b"same-origin"])
def test_open__a_browser_that_was_told_the_address_passes(site):
    """What the user typed into a browser, and what the server's own answers lead to, is no other page's."""
    headers = {"host": b"localhost", "sec-fetch-site": site}

    authenticator(is_open=True).check(Request("GET", TASKS.encode(), b"", headers, b""))


def test_open__any_project_is_the_callers():
    """Without authentication nobody needs to know the project's id."""
    request = Request("GET", f"/v5/iot/{'0' * 32}/batchtasks".encode(), b"", {"host": b"localhost"}, b"")

    authenticator(is_open=True).check(request)
