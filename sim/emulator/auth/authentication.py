"""Whether a request may pass: token or signature, and the project.

Source:
    API reference, "Authentication"; API gateway, "Request signing, Error Codes" (texts of the details).
    A signature decides if a request has both, which the vendor leaves open.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final
from urllib.parse import unquote_to_bytes

from sim.emulator.auth.credentials import Credentials
from sim.emulator.auth.signature import (
    CONTENT_HEADER,
    DATE_HEADER,
    DERIVED,
    SERVICE,
    UNSIGNED,
    Authorization,
    Request,
    body_hash,
    parse_authorization,
    signature_of,
)
from sim.emulator.calendar import parse_time
from sim.errors import ApiError
from sim.rules import Limits, codes

PROJECT_PREFIX: Final = "/v5/iot/"

_SIGNED_ALWAYS: Final = ("host", DATE_HEADER)
_JSON: Final = (b"application/json", b"application/bson")
_OWN_SITES: Final = (b"none", b"same-origin")
_LOOPBACK: Final = re.compile(r"(localhost|127(\.[0-9]{1,3}){3}|\[::1\])(:[0-9]{1,5})?", re.IGNORECASE)


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Authenticator:
    """Judges requests against one set of credentials."""

    def __init__(
        self,
        credentials: Credentials,
        limits: Limits,
        *,
        is_open: bool = False,
        utc_now: Callable[[], datetime] = _utc_now,
    ) -> None:
        """Learn what is right.

        Args:
            limits: How old a signature may be.
            is_open: Let everybody pass who comes from no web page and asks for a loopback host, with any
                project.
            utc_now: The wall clock; signatures are dated by it, whatever the simulated time.
        """
        self._credentials = credentials
        self._age_s_max = limits.signature_age_s_max
        self._is_open = is_open
        self._utc_now = utc_now

    def check(self, request: Request) -> None:
        """Let a whole request pass, or not.

        Raises:
            ApiError: 401 if it is not authenticated, 403 if it asks for another project.
        """
        authorization = self.check_head(request)
        if authorization is not None:
            self.check_body(request, authorization)

    def check_head(self, request: Request) -> Authorization | None:
        """Judge a request before its body is there, as far as that is possible.

        Args:
            request: The request; its body is not looked at.

        Returns:
            The signature that `check_body` must compare; None if the request may pass.

        Raises:
            ApiError: 401 if it is not authenticated, 403 if it asks for another project.
        """
        if self._is_open:
            self._check_origin(request)
            return None
        if "authorization" in request.headers:
            return self._check_claim(request)
        self._check_token(request)
        self._check_project(request)
        return None

    def check_body(self, request: Request, authorization: Authorization) -> None:
        """Judge a whole request by its signature.

        Args:
            authorization: What `check_head` returned for it.

        Raises:
            ApiError: 401 if the signature is wrong, 403 if the request asks for another project.
        """
        self._check_payload(request, authorization)
        expected = signature_of(request, authorization, self._credentials.sk)
        if not hmac.compare_digest(authorization.signature, expected):
            raise codes.UNAUTHORIZED.api_error("verify aksk signature fail")
        self._check_project(request)

    def _check_origin(self, request: Request) -> None:
        """Refuse what a web page in a browser on this machine could send."""
        host = request.headers.get("host", b"").decode("latin-1")
        # A browser says where a page comes from also where it leaves out the origin, as for an image. Another
        # port of this machine is another site in all but name.
        site = request.headers.get("sec-fetch-site", b"none").lower()
        is_page = "origin" in request.headers or site not in _OWN_SITES
        if is_page or _LOOPBACK.fullmatch(host) is None:
            raise codes.GATEWAY_FORBIDDEN.api_error(
                "Without authentication only requests to a loopback host pass, and none from web pages."
            )

    def _check_token(self, request: Request) -> None:
        """Compare the token."""
        token = request.headers.get("x-auth-token")
        if token is None:
            raise codes.UNAUTHORIZED.api_error("x-auth-token not found")
        if not hmac.compare_digest(token, self._credentials.token.encode()):
            raise codes.UNAUTHORIZED.api_error("decrypt token fail")

    def _check_claim(self, request: Request) -> Authorization:
        """Check what a signature says about itself, and return it."""
        value = request.headers["authorization"].decode("latin-1")
        authorization = parse_authorization(value)
        if authorization is None:
            raise codes.UNAUTHORIZED.api_error(
                "Authorization is neither SDK-HMAC-SHA256 Access=... nor V11-HMAC-SHA256 Credential=..."
            )
        missing = [name for name in _SIGNED_ALWAYS if name not in authorization.signed]
        missing += [name for name in authorization.signed if name not in request.headers]
        if missing:
            raise codes.UNAUTHORIZED.api_error(f"header {missing[0]} is not signed or not sent")
        twice = request.repeated.intersection(authorization.signed)
        if twice:  # which of the values was signed, and which one will count?
            raise codes.UNAUTHORIZED.api_error(f"header {min(twice)} is signed and was sent more than once")
        self._check_date(request, authorization)
        if not hmac.compare_digest(authorization.ak, self._credentials.ak):
            raise codes.UNAUTHORIZED.api_error("Get secretKey failed, err: ak not exist")
        return authorization

    def _check_date(self, request: Request, authorization: Authorization) -> None:
        """Refuse a signature of another time, day or service."""
        text = request.headers[DATE_HEADER].strip().decode("latin-1")
        try:
            signed_at = parse_time(text)
        except ApiError:
            raise codes.UNAUTHORIZED.api_error("X-Sdk-Date is not like 20151212T121212Z") from None
        now = self._utc_now()
        if abs((now - signed_at).total_seconds()) > self._age_s_max:
            detail = f"signature expired, signature time: {text}, server time: {now:%Y%m%dT%H%M%SZ}"
            raise codes.UNAUTHORIZED.api_error(detail)
        if authorization.scheme == DERIVED:
            day, _, service = authorization.info.split("/")
            if day != text[:8] or service != SERVICE:
                raise codes.UNAUTHORIZED.api_error(f"Credential must end in {text[:8]}/REGION/{SERVICE}")

    def _check_payload(self, request: Request, authorization: Authorization) -> None:
        """Refuse a body that the signature would not cover."""
        if CONTENT_HEADER not in authorization.signed or not request.body:
            return
        said = request.headers[CONTENT_HEADER].strip()
        is_json = request.headers.get("content-type", b"").lower().startswith(_JSON)
        if said == UNSIGNED and not is_json:  # as the SDK sends files
            return
        if said != body_hash(request.body):
            raise codes.UNAUTHORIZED.api_error("X-Sdk-Content-Sha256 is not the hash of the body")

    def _check_project(self, request: Request) -> None:
        """Refuse the projects of others."""
        path = unquote_to_bytes(request.path).decode("latin-1")  # as the router sees it
        if not path.startswith(PROJECT_PREFIX):
            return
        named = [path.removeprefix(PROJECT_PREFIX).partition("/")[0]]
        if "x-project-id" in request.headers:
            named.append(request.headers["x-project-id"].decode("latin-1"))
        if any(name != self._credentials.project_id for name in named):
            detail = "The project is not the caller's"
            if "project_id" in named[0]:
                detail = "The path has a placeholder for the project: give the SDK's credentials a project id"
            raise codes.PROJECT_MISMATCH.api_error(detail)
