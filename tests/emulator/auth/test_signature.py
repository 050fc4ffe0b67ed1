"""Tests of the signatures, against the vendor's own signer and worked examples."""

import hashlib
import hmac

import pytest
from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.sdk_request import SdkRequest
from huaweicloudsdkcore.signer.signer import DerivationAKSKSigner, Signer

from sim.emulator.auth.signature import (
    DERIVED,
    PLAIN,
    Authorization,
    Request,
    canonical_request,
    derived_key,
    parse_authorization,
    signature_of,
)

AK, SK = "AKEXAMPLE", "secret+key"


def signed_by_the_vendor(path, query=(), body=b"", *, derived=False, content_type="application/json"):
    """Return a request as the vendor's signer sends it."""
    request = SdkRequest(
        method="POST",
        schema="http",
        host="127.0.0.1:8787",
        resource_path=path,
        query_params=list(query),
        header_params={"Content-Type": content_type, "User-Agent": "agent/1.0 (ä)", "X-Project-Id": "p"},
        body=body,
        stream=False,
    )
    credentials = BasicCredentials(AK, SK, "p")
    if derived:
        signed = DerivationAKSKSigner(credentials).sign(request, "iotdm", "cn-north-4")
    else:
        signed = Signer(credentials).sign(request)
    raw, _, sent_query = signed.uri.partition("?")
    headers = {
        key.lower(): value.encode("latin-1" if key != "Authorization" else "ascii")
        for key, value in signed.header_params.items()
    }
    return Request("POST", raw.encode(), sent_query.encode(), headers, body)


@pytest.mark.parametrize("derived", [False, True])
@pytest.mark.parametrize(
    ("path", "query", "body"),
    [
        ("/v5/iot/p/batchtasks", [], b""),
        ("/v5/iot/p/batchtasks/abc/retry", [], b"{}"),
        (
            "/v5/iot/p/batchtasks",
            [("task_type", "firmwareUpgrade"), ("limit", 50), ("app_id", "a b&c=d/~")],
            b"",
        ),
        ("/v5/iot/p/batchtasks", [("flag", True), ("many", ["b", "a"])], b'{"targets":["x"]}'),
        ("/v5/iot/p/a%2Fb/~x", [], b""),
        ("/", [("empty", "")], b"\xff\x00"),
    ],
)
def test_signature__is_what_the_vendors_signer_computes(path, query, body, derived):
    """Both schemes agree with the SDK for paths, queries, headers and bodies of all sorts."""
    request = signed_by_the_vendor(path, query, body, derived=derived)
    authorization = parse_authorization(request.headers["authorization"].decode())

    assert authorization is not None
    assert authorization.scheme == (DERIVED if derived else PLAIN)
    assert authorization.ak == AK
    assert signature_of(request, authorization, SK) == authorization.signature


def test_signature__of_a_file_follows_the_header():
    """For other media types the SDK signs `UNSIGNED-PAYLOAD` in place of the body's hash."""
    request = signed_by_the_vendor("/f", body=b"file", content_type="multipart/form-data")
    authorization = parse_authorization(request.headers["authorization"].decode())

    assert authorization is not None
    assert canonical_request(request, authorization.signed).endswith(b"\nUNSIGNED-PAYLOAD")
    assert signature_of(request, authorization, SK) == authorization.signature


def test_canonical_request__line_by_line():
    """The text under the signature, written out by hand."""
    request = Request(
        "GET",
        b"/v5/iot/p/batchtasks",
        b"limit=5&app_id=a%20b",
        {"host": b"h:1", "x-sdk-date": b" 20260105T200000Z ", "other": b"unsigned"},
        b"",
    )
    empty = hashlib.sha256(b"").hexdigest()

    assert canonical_request(request, ("x-sdk-date", "host")).decode().split("\n") == [
        "GET",
        "/v5/iot/p/batchtasks/",
        "app_id=a%20b&limit=5",
        "host:h:1",
        "x-sdk-date:20260105T200000Z",
        "",
        "host;x-sdk-date",
        empty,
    ]


def test_canonical_request__an_unsigned_content_header_counts_for_nothing():
    """Whoever alters the body can't hide it by adding a header that the signature doesn't cover."""
    request = Request("POST", b"/", b"", {"host": b"h", "x-sdk-content-sha256": b"0" * 64}, b"body")

    assert canonical_request(request, ("host",)).endswith(hashlib.sha256(b"body").hexdigest().encode())


def test_derived_key__is_hkdf_as_hexadecimal_text():
    """The key of the derived scheme, by the formula of RFC 5869 with one block."""
    info = "20260105/cn-north-4/iotdm"
    extracted = hmac.new(AK.encode(), SK.encode(), hashlib.sha256).digest()
    expanded = hmac.new(extracted, info.encode() + b"\x01", hashlib.sha256).hexdigest()

    assert derived_key(AK, SK, info) == expanded


@pytest.mark.parametrize(
    "value",
    [
        "",
        "Basic abc",
        "SDK-HMAC-SHA256 Access=AK, SignedHeaders=host",
        "SDK-HMAC-SHA256 Credential=AK, SignedHeaders=host, Signature=" + "0" * 64,
        "SDK-HMAC-SHA256 Access=AK, SignedHeaders=host, Signature=" + "0" * 63,
        "SDK-HMAC-SHA256 Access=AK, SignedHeaders=Host, Signature=" + "0" * 64,
        "V11-HMAC-SHA256 Credential=AK/2026/r/iotdm, SignedHeaders=host, Signature=" + "0" * 64,
        "SDK-HMAC-SHA256 Access=AK, SignedHeaders=host, Signature=" + "0" * 64 + "\n",
    ],
)
def test_parse__other_forms_are_none(value):
    """A header that has neither of the two forms is not taken apart."""
    assert parse_authorization(value) is None


def test_parse__takes_the_parts():
    """Access key, credential scope, names and signature come out as they stand."""
    value = (
        "V11-HMAC-SHA256 Credential=AK-1/20260105/r-1/iotdm, SignedHeaders=host;x-sdk-date, Signature="
        + "a" * 64
    )

    assert parse_authorization(value) == Authorization(
        DERIVED, "AK-1", "20260105/r-1/iotdm", ("host", "x-sdk-date"), "a" * 64
    )
