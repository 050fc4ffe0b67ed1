"""The two signatures of the vendor's SDK, computed as a server does: from the raw request.

Pure: no clock, no credentials store. Everything is bytes, since a signature covers what was sent and not
what it means.

Source:
    API gateway, "Request signing": canonical request, `SDK-HMAC-SHA256`. SDK core, classes Signer and
    DerivationAKSKSigner: the trailing slash of the path, `V11-HMAC-SHA256` and its derived key.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote_from_bytes, unquote_to_bytes

PLAIN: Final = "SDK-HMAC-SHA256"
DERIVED: Final = "V11-HMAC-SHA256"
DATE_HEADER: Final = "x-sdk-date"
CONTENT_HEADER: Final = "x-sdk-content-sha256"
UNSIGNED: Final = b"UNSIGNED-PAYLOAD"
SERVICE: Final = "iotdm"
"""The name that the IoTDA client derives its key with."""

_NAMES: Final = r"SignedHeaders=([a-z0-9;-]{1,2048}), ?Signature=([0-9a-f]{64})"
_KEY: Final = "[A-Za-z0-9_-]{1,128}"
_PLAIN_FORM: Final = re.compile(rf"{PLAIN} Access=({_KEY}), ?{_NAMES}")
_DERIVED_FORM: Final = re.compile(
    rf"{DERIVED} Credential=({_KEY})/([0-9]{{8}}/[a-z0-9-]{{1,64}}/[a-z0-9]{{1,64}}), ?{_NAMES}"
)


@dataclass(frozen=True)
class Request:
    """What of a request a signature covers.

    Attributes:
        method: In capital letters.
        path: As sent, percent-encoded, without the query.
        query: As sent, percent-encoded, without `?`.
        headers: Values by name in lower case, without blanks around them; of a repeated header the last.
        body: As sent; empty while it is not there yet.
        repeated: Names of headers that were sent more than once.
    """

    method: str
    path: bytes
    query: bytes
    headers: Mapping[str, bytes]
    body: bytes
    repeated: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Authorization:
    """An `Authorization` header, taken apart.

    Attributes:
        scheme: `PLAIN` or `DERIVED`.
        ak: Access key.
        info: `date/region/service` of a derived signature; empty for a plain one.
        signed: Names of the signed headers, in the header's order.
        signature: 64 hexadecimal digits.
    """

    scheme: str
    ak: str
    info: str
    signed: tuple[str, ...]
    signature: str


def parse_authorization(value: str) -> Authorization | None:
    """Return the parts of an `Authorization` header, or None if it has neither of the two forms."""
    plain = _PLAIN_FORM.fullmatch(value)
    if plain is not None:
        ak, names, signature = plain.groups()
        return Authorization(PLAIN, ak, "", tuple(names.split(";")), signature)
    derived = _DERIVED_FORM.fullmatch(value)
    if derived is not None:
        ak, info, names, signature = derived.groups()
        return Authorization(DERIVED, ak, info, tuple(names.split(";")), signature)
    return None


def canonical_request(request: Request, signed: Iterable[str]) -> bytes:
    """Return the text that is hashed into the signature.

    Args:
        signed: Names of the signed headers; the request has all of them.
    """
    names = sorted(signed)
    headers = b"".join(name.encode() + b":" + request.headers[name].strip() + b"\n" for name in names)
    parts = [
        request.method.encode(),
        _canonical_path(request.path),
        _canonical_query(request.query),
        headers,
        ";".join(names).encode(),
        _payload(request, names),
    ]
    return b"\n".join(parts)


def _encoded(value: bytes) -> bytes:
    return quote_from_bytes(value, safe="~").encode()


def _canonical_path(path: bytes) -> bytes:
    encoded = b"/".join(_encoded(segment) for segment in unquote_to_bytes(path).split(b"/"))
    return encoded if encoded.endswith(b"/") else encoded + b"/"


def _canonical_query(query: bytes) -> bytes:
    pairs = []
    for part in query.split(b"&") if query else []:
        key, _, value = part.partition(b"=")
        pairs.append((unquote_to_bytes(key), unquote_to_bytes(value)))
    return b"&".join(_encoded(key) + b"=" + _encoded(value) for key, value in sorted(pairs))


def _payload(request: Request, signed: list[str]) -> bytes:
    """Return the body's hash; a header may replace it only if it is signed itself."""
    if request.body and CONTENT_HEADER in signed:
        return request.headers[CONTENT_HEADER].strip()
    return body_hash(request.body)


def body_hash(body: bytes) -> bytes:
    """Return the hash of a body as a signature has it: SHA-256 in hexadecimal digits."""
    return hashlib.sha256(body).hexdigest().encode()


def signature_of(request: Request, authorization: Authorization, sk: str) -> str:
    """Return the signature that the request should have.

    Args:
        request: The request; it has every signed header, and `X-Sdk-Date` among them.
        authorization: Scheme and names of the signed headers; its own signature is not looked at.
        sk: The secret key that belongs to its access key.
    """
    date = request.headers[DATE_HEADER].strip()
    digest = hashlib.sha256(canonical_request(request, authorization.signed)).hexdigest().encode()
    if authorization.scheme == PLAIN:
        key, parts = sk.encode(), [PLAIN.encode(), date, digest]
    else:
        key = derived_key(authorization.ak, sk, authorization.info).encode()
        parts = [DERIVED.encode(), date, authorization.info.encode(), digest]
    return hmac.new(key, b"\n".join(parts), hashlib.sha256).hexdigest()


def derived_key(ak: str, sk: str, info: str) -> str:
    """Return the key of a derived signature: HKDF with the access key as salt, one block, as hex text.

    Args:
        ak: Access key.
        sk: Secret key.
        info: `date/region/service`.
    """
    extracted = hmac.digest(ak.encode(), sk.encode(), "sha256")
    return hmac.digest(extracted, info.encode() + b"\x01", "sha256").hex()
