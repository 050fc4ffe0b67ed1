"""Who asks: keys or a token from the environment, and the headers that prove it.

Decisions:

- *Own code instead of the vendor's client*: two short signatures need no package, and a recorder should run
  where nothing can be installed.
- *Read from variables, kept in memory*: nothing here is ever written to a file.

Source:
    API gateway, "Request signing": canonical request, `SDK-HMAC-SHA256`; SDK core, classes Signer and
    DerivationAKSKSigner: the trailing slash of the path, `V11-HMAC-SHA256` and its derived key.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Literal
from urllib.parse import parse_qsl, quote

from sim.errors import Problem, ScenarioError

Form = Literal["token", "plain", "derived", "none"]

NO_PROJECT: Final = "0" * 32
"""Project of those who give no credentials; an emulator that asks nobody for any takes every project."""

_SERVICE: Final = "iotdm"
_VARIABLES: Final = {
    "ak": ("FLEETSIM_AK", "HUAWEICLOUD_SDK_AK"),
    "sk": ("FLEETSIM_SK", "HUAWEICLOUD_SDK_SK"),
    "token": ("FLEETSIM_TOKEN",),
    "project_id": ("FLEETSIM_PROJECT_ID", "HUAWEICLOUD_SDK_PROJECT_ID"),
    "security_token": ("HUAWEICLOUD_SDK_SECURITY_TOKEN",),
}
_FORMS: Final = {
    "ak": ("[A-Za-z0-9_-]{1,128}", "1 to 128 letters, digits, '_' and '-'"),
    "sk": ("[!-~]{1,256}", "1 to 256 printable ASCII characters without spaces"),
    "token": ("[!-~]{1,16384}", "1 to 16384 printable ASCII characters without spaces"),
    "project_id": ("[0-9a-f]{32}", "32 hexadecimal digits in lower case"),
    "security_token": ("[!-~]{1,16384}", "1 to 16384 printable ASCII characters without spaces"),
}
_REGION: Final = re.compile("[a-z0-9-]{1,64}")


@dataclass(frozen=True)
class Access:
    """What proves who asks. Its text shows no secret.

    Attributes:
        form: How requests prove it; `none` where nobody asks.
        project_id: Project whose tasks are read.
        ak: Access key; empty without one.
        region: For a derived signature, like `cn-north-4`.
        sk: Secret key.
        token: Value of `X-Auth-Token`.
        security_token: Value of `X-Security-Token`, which goes with temporary keys; empty for others.
    """

    form: Form
    project_id: str
    ak: str = ""
    region: str = ""
    sk: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    security_token: str = field(default="", repr=False)


def find_access(region: str | None = None, environment: Mapping[str, str] | None = None) -> Access:
    """Return the credentials that the environment sets.

    Keys are preferred to a token, since a token expires after a day.

    Args:
        region: Sign with a key that is derived for this region; None for the plain signature.
        environment: Variables; those of the process if None.

    Raises:
        ScenarioError: A value has a wrong form, or one is missing. The messages show no value.
    """
    variables = os.environ if environment is None else environment
    values, problems = {}, []
    for name, keys in _VARIABLES.items():
        key = next((key for key in keys if variables.get(key)), None)
        if key is None:
            continue
        values[name] = variables[key]
        form, words = _FORMS[name]
        if re.fullmatch(form, values[name]) is None:
            problems.append(Problem(key, f"must be {words}", file="the environment"))
    if ("ak" in values) != ("sk" in values):
        message = "FLEETSIM_AK and FLEETSIM_SK come together"
        problems.append(Problem("", message, file="the environment"))
    has_keys = "ak" in values or "sk" in values
    if (has_keys or "token" in values) and "project_id" not in values:
        message = "is not set; it goes with keys and tokens: 32 hexadecimal digits"
        problems.append(Problem("FLEETSIM_PROJECT_ID", message, file="the environment"))
    if region is not None and _REGION.fullmatch(region) is None:
        message = f"{region[:64]!r} is no region; it is written like cn-north-4"
        problems.append(Problem("--region", message))
    elif region is not None and not has_keys:
        message = "a signature for a region needs keys: set FLEETSIM_AK and FLEETSIM_SK"
        problems.append(Problem("--region", message))
    if problems:
        raise ScenarioError(problems)
    if has_keys:
        values.pop("token", None)
        return Access("derived" if region else "plain", region=region or "", **values)
    if "token" in values:
        return Access("token", project_id=values["project_id"], token=values["token"])
    return Access("none", project_id=values.get("project_id", NO_PROJECT))


def signed_headers(
    access: Access, method: str, target: str, host: str, now: datetime, body: bytes = b""
) -> dict[str, str]:
    """Return the headers of a request.

    Args:
        access: Who asks.
        method: In capital letters.
        target: Path and query, percent-encoded.
        host: As the header `Host` has it.
        now: The clock on the wall; a signature is good for 15 minutes around it.
        body: JSON; nothing that reads has any.
    """
    headers = {"Host": host, "Accept": "application/json"}
    if body:
        headers["Content-Type"] = "application/json"
    if access.form == "none":
        return headers
    headers["X-Project-Id"] = access.project_id
    if access.form == "token":
        return {**headers, "X-Auth-Token": access.token}
    date = f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    headers["X-Sdk-Date"] = date
    if access.security_token:
        headers["X-Security-Token"] = access.security_token
    signed = {name.lower(): value for name, value in headers.items() if name != "Accept"}
    names = ";".join(sorted(signed))
    digest = hashlib.sha256(_canonical(method, target, signed, body).encode()).hexdigest()
    if access.form == "plain":
        claim, key = f"SDK-HMAC-SHA256 Access={access.ak}", access.sk
        text = f"SDK-HMAC-SHA256\n{date}\n{digest}"
    else:
        info = f"{date[:8]}/{access.region}/{_SERVICE}"
        claim, key = f"V11-HMAC-SHA256 Credential={access.ak}/{info}", _derived_key(access, info)
        text = f"V11-HMAC-SHA256\n{date}\n{info}\n{digest}"
    signature = hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()
    headers["Authorization"] = f"{claim}, SignedHeaders={names}, Signature={signature}"
    return headers


def _canonical(method: str, target: str, signed: Mapping[str, str], body: bytes) -> str:
    """Return the text whose hash is signed."""
    path, _, query = target.partition("?")
    pairs = sorted(parse_qsl(query, keep_blank_values=True))
    queries = "&".join(f"{quote(key, safe='~')}={quote(value, safe='~')}" for key, value in pairs)
    headers = "".join(f"{name}:{signed[name].strip()}\n" for name in sorted(signed))
    parts = [method, path if path.endswith("/") else f"{path}/", queries, headers, ";".join(sorted(signed))]
    return "\n".join([*parts, hashlib.sha256(body).hexdigest()])


def _derived_key(access: Access, info: str) -> str:
    """Return the key that is derived for a day and a region: HKDF with one block, as hex text."""
    extracted = hmac.digest(access.ak.encode(), access.sk.encode(), "sha256")
    return hmac.digest(extracted, info.encode() + b"\x01", "sha256").hex()
