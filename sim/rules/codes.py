"""Every error that the service answers with, in one table.

Each row says how well it is known. `DOCUMENTED`: code and text stand on a vendor page. `INFERRED`:
code or text is our reading of what the vendor shows in part. `INVENTED`: no page has a code for
this refusal, so one was made up in the unused end of the batch-task family (IOTDA.01428x, 01429x);
scripts must not be written against it.

The numbers and texts are facts of the vendor's API reference ("Error Codes", the pages of the
calls) and of its API gateway ("Error Codes" of request signing).
"""

from dataclasses import dataclass
from enum import StrEnum, unique

from sim.errors import ApiError


@unique
class Grade(StrEnum):
    """How well an error code is known."""

    DOCUMENTED = "documented"
    INFERRED = "inferred"
    INVENTED = "invented"


@dataclass(frozen=True, slots=True)
class ErrorCode:
    """One row: what a refusal looks like on the wire.

    Attributes:
        name: The name of the constant that holds the row.
        http: HTTP status when the whole call is refused. Per target the call answers 200.
        code: `error_code`; may serve several rows only if the vendor uses it so.
        message: `error_msg`.
        grade: How well the row is known.
        source: Page it stands on, or why it was chosen.
    """

    name: str
    http: int
    code: str
    message: str
    grade: Grade
    source: str

    def api_error(self, detail: str = "") -> ApiError:
        """Return the error to raise when the whole call is refused.

        Args:
            detail: What was given and what is allowed; added after the vendor's text.

        Returns:
            A fresh exception.
        """
        return ApiError(self.http, self.code, f"{self.message} {detail}" if detail else self.message)


_CODES_PAGE = "API reference, Error Codes"
_RULES_PAGE = "API reference, error codes of Query Rules (those shared by all application-side calls)"
_GATEWAY_PAGE = "API gateway, request signing, Error Codes"
_NO_PAGE = "no page has a code for it"


def _documented(name: str, http: int, code: str, message: str, source: str) -> ErrorCode:
    return ErrorCode(name, http, code, message, Grade.DOCUMENTED, source)


def _inferred(name: str, http: int, code: str, message: str, source: str) -> ErrorCode:
    return ErrorCode(name, http, code, message, Grade.INFERRED, source)


def _invented(name: str, http: int, code: str, message: str, source: str) -> ErrorCode:
    return ErrorCode(name, http, code, message, Grade.INVENTED, source)


# Batch tasks: one target.
TARGET_NOT_IN_TASK = _documented(
    "TARGET_NOT_IN_TASK",
    400,
    "IOTDA.014219",
    "Invalid input. The target is not in the task",
    "API reference, Re-Execute a Batch Task, example (per target, without the full stop)",
)
TARGET_WRONG_STATE = _invented(
    "TARGET_WRONG_STATE",
    400,
    "IOTDA.014285",
    "Operation not allowed. The subtask status of the target does not allow this operation.",
    _NO_PAGE,
)
TARGET_BUSY_ELSEWHERE = _invented(
    "TARGET_BUSY_ELSEWHERE",
    400,
    "IOTDA.014286",
    "Task Conflict",
    "user guide, Batch OTA upgrade, has the text (another upgrade of the device runs); no page has a code",
)

# Batch tasks: the call.
RETRY_REFUSED = _inferred(
    "RETRY_REFUSED",
    400,
    "IOTDA.014218",
    "Operation not allowed. The task cannot be retried because it has succeeded, is stopped, is being "
    "stopped, or is waiting.",
    f"{_CODES_PAGE}: the row before IOTDA.014219, its number and wording seen in part; it leaves out "
    "initializing, which Re-Execute a Batch Task has",
)
STOP_REFUSED = _invented(
    "STOP_REFUSED",
    400,
    "IOTDA.014281",
    "Operation not allowed. The task cannot be stopped because it has been completed, is stopped, or is "
    "being stopped.",
    _NO_PAGE,
)
CONFIRM_REFUSED = _invented(
    "CONFIRM_REFUSED",
    400,
    "IOTDA.014282",
    "Operation not allowed. The task cannot be confirmed because it has been completed, is stopped, or "
    "is being stopped.",
    _NO_PAGE,
)
DELETE_REFUSED = _invented(
    "DELETE_REFUSED",
    400,
    "IOTDA.014283",
    "Operation not allowed. The task cannot be deleted because it has not been completed.",
    _NO_PAGE,
)
TYPE_NOT_SUPPORTED = _invented(
    "TYPE_NOT_SUPPORTED",
    400,
    "IOTDA.014284",
    "Operation not allowed. The task type does not support this operation.",
    _NO_PAGE,
)
TASK_NOT_FOUND = _invented(
    "TASK_NOT_FOUND",
    404,
    "IOTDA.014280",
    "The batch task does not exist.",
    "status 404 is documented for retry and stop; text after IOTDA.010002 (The rule does not exist.)",
)
TASK_QUOTA = _invented(
    "TASK_QUOTA",
    400,
    "IOTDA.014287",
    "Operation not allowed. The number of batch tasks has reached the upper limit.",
    _NO_PAGE,
)
TASK_NAME_EXISTS = _invented(
    "TASK_NAME_EXISTS",
    400,
    "IOTDA.014288",
    "Invalid input. The batch task name already exists.",
    "the first API generation refused a name in use (105002); no page has a code for the current one",
)
PACKAGE_NOT_FOUND = _invented(
    "PACKAGE_NOT_FOUND",
    404,
    "IOTDA.014289",
    "The upgrade package does not exist.",
    _NO_PAGE,
)
DEVICE_NOT_FOUND = _inferred(
    "DEVICE_NOT_FOUND",
    404,
    "IOTDA.014000",
    "The device does not exist.",
    "client code of others treats the code as an unknown device; status and text after IOTDA.010002",
)

# The request.
INVALID_INPUT = _documented("INVALID_INPUT", 400, "IOTDA.000006", "Invalid input data.", _CODES_PAGE)
TOO_MANY_TARGETS = _inferred(
    "TOO_MANY_TARGETS",
    400,
    "IOTDA.000006",
    "Invalid input data.",
    "targets is declared with a largest length; the general code for invalid input",
)
OFFSET_OUT_OF_RANGE = _inferred(
    "OFFSET_OUT_OF_RANGE",
    400,
    "IOTDA.000006",
    "Invalid input data.",
    "limit and marker have codes of their own, offset was not found; the general code for invalid input",
)
BAD_REQUEST = _documented(
    "BAD_REQUEST",
    400,
    "IOTDA.000008",
    "Invalid input. The request format is invalid. For details, see the error message.",
    _CODES_PAGE,
)
INVALID_TIME = _documented(
    "INVALID_TIME", 400, "IOTDA.000009", "Invalid input. Invalid time format.", _CODES_PAGE
)
LIMIT_OUT_OF_RANGE = _documented(
    "LIMIT_OUT_OF_RANGE",
    400,
    "IOTDA.000017",
    "Invalid input. The specified parameter 'limit' is out of range.",
    _CODES_PAGE,
)
MARKER_OUT_OF_RANGE = _documented(
    "MARKER_OUT_OF_RANGE",
    400,
    "IOTDA.000018",
    "Invalid input. The specified parameter 'marker' is out of range.",
    _CODES_PAGE,
)

# Who calls.
UNAUTHORIZED = _documented(
    "UNAUTHORIZED",
    401,
    "IOTDA.000002",
    "Authentication failed.",
    "user guide, HTTPS access, error codes (an instance domain; older text: The request is unauthorized.)",
)
INVALID_TOKEN = _documented("INVALID_TOKEN", 403, "IOTDA.000004", "Invalid access token.", _RULES_PAGE)
USER_NOT_SUBSCRIBED = _documented(
    "USER_NOT_SUBSCRIBED",
    403,
    "IOTDA.000021",
    "Operation not allowed. User not found by IAM token or the authorized user has not subscribed IOTDA "
    "service.",
    _RULES_PAGE,
)
APP_NOT_FOUND = _documented(
    "APP_NOT_FOUND", 403, "IOTDA.001000", "The application does not exist.", _RULES_PAGE
)
APP_NOT_AUTHORIZED = _documented(
    "APP_NOT_AUTHORIZED",
    403,
    "IOTDA.001002",
    "Operation not allowed. The application has not been authorized.",
    _RULES_PAGE,
)
APP_NOT_OWNED = _documented(
    "APP_NOT_OWNED",
    403,
    "IOTDA.001007",
    "Operation not allowed. The application does not belong to the authorized user.",
    _RULES_PAGE,
)
GATEWAY_UNAUTHORIZED = _documented(
    "GATEWAY_UNAUTHORIZED", 401, "APIGW.0301", "Incorrect IAM authentication information.", _GATEWAY_PAGE
)
GATEWAY_FORBIDDEN = _documented(
    "GATEWAY_FORBIDDEN",
    403,
    "APIGW.0302",
    "The IAM user is not authorized to access the API.",
    _GATEWAY_PAGE,
)
PROJECT_MISMATCH = _inferred(
    "PROJECT_MISMATCH",
    403,
    "APIGW.0302",
    "The IAM user is not authorized to access the API.",
    "the outcome for a project of somebody else is not documented; the gateway's refusal for the user",
)

# The way there.
API_NOT_FOUND = _documented(
    "API_NOT_FOUND",
    404,
    "APIGW.0101",
    "The API does not exist or has not been published in the environment.",
    _GATEWAY_PAGE,
)
METHOD_NOT_FOUND = _documented(
    "METHOD_NOT_FOUND", 404, "APIGW.0101", "The API does not exist.", f"{_GATEWAY_PAGE} (wrong method)"
)
GATEWAY_BAD_REQUEST = _documented(
    "GATEWAY_BAD_REQUEST", 400, "APIGW.0201", "API request error.", _GATEWAY_PAGE
)
BODY_TOO_LARGE = _documented("BODY_TOO_LARGE", 413, "APIGW.0201", "Request entity too large.", _GATEWAY_PAGE)
URI_TOO_LARGE = _documented("URI_TOO_LARGE", 414, "APIGW.0201", "Request URI too large.", _GATEWAY_PAGE)
HEADERS_TOO_LARGE = _documented(
    "HEADERS_TOO_LARGE", 494, "APIGW.0201", "Request headers too large.", _GATEWAY_PAGE
)
BACKEND_UNAVAILABLE = _documented(
    "BACKEND_UNAVAILABLE", 502, "APIGW.0201", "Backend unavailable.", _GATEWAY_PAGE
)
BACKEND_TIMEOUT = _documented("BACKEND_TIMEOUT", 504, "APIGW.0201", "Backend timeout.", _GATEWAY_PAGE)
THROTTLED = _inferred(
    "THROTTLED",
    429,
    "APIGW.0308",
    "The throttling threshold has been reached.",
    "code and status from the vendor's SDK and from clients of others; the full text of sister services "
    "goes on with the policy, the limit and its time",
)
INTERNAL_ERROR = _invented("INTERNAL_ERROR", 500, "IOTDA.014298", "Internal server error.", _NO_PAGE)
NOT_READY = _invented(
    "NOT_READY",
    503,
    "IOTDA.014297",
    "The simulator is still compiling, and this fleet is too large to do without; try again later.",
    "the service has nothing to compile",
)
NOT_IMPLEMENTED = _invented(
    "NOT_IMPLEMENTED",
    501,
    "IOTDA.014299",
    "The simulator does not implement this operation.",
    "the service implements it, so it has no code for it",
)

ERROR_CODES: tuple[ErrorCode, ...] = tuple(
    row for row in list(globals().values()) if isinstance(row, ErrorCode)
)
"""All rows, in the order of this file."""
