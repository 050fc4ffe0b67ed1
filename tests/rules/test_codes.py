"""The table of error codes: honest about what is known, and free of collisions."""

import re
from collections import defaultdict

import pytest

from sim.errors import ApiError
from sim.rules import codes
from sim.rules.codes import ERROR_CODES, ErrorCode, Grade

# The vendor itself uses these for several refusals.
SHARED_CODES = {"IOTDA.000006", "APIGW.0101", "APIGW.0201", "APIGW.0302"}

INVENTED = {
    "TARGET_WRONG_STATE",
    "TARGET_BUSY_ELSEWHERE",
    "STOP_REFUSED",
    "CONFIRM_REFUSED",
    "DELETE_REFUSED",
    "TYPE_NOT_SUPPORTED",
    "TASK_NOT_FOUND",
    "TASK_QUOTA",
    "TASK_NAME_EXISTS",
    "PACKAGE_NOT_FOUND",
    "INTERNAL_ERROR",
    "NOT_IMPLEMENTED",
    "NOT_READY",
}

# (HTTP, code, message) as read on the vendor's pages.
PAGES = {
    "TARGET_NOT_IN_TASK": (400, "IOTDA.014219", "Invalid input. The target is not in the task"),
    "INVALID_INPUT": (400, "IOTDA.000006", "Invalid input data."),
    "INVALID_TIME": (400, "IOTDA.000009", "Invalid input. Invalid time format."),
    "LIMIT_OUT_OF_RANGE": (
        400,
        "IOTDA.000017",
        "Invalid input. The specified parameter 'limit' is out of range.",
    ),
    "MARKER_OUT_OF_RANGE": (
        400,
        "IOTDA.000018",
        "Invalid input. The specified parameter 'marker' is out of range.",
    ),
    "UNAUTHORIZED": (401, "IOTDA.000002", "Authentication failed."),
    "INVALID_TOKEN": (403, "IOTDA.000004", "Invalid access token."),
    "APP_NOT_FOUND": (403, "IOTDA.001000", "The application does not exist."),
    "GATEWAY_UNAUTHORIZED": (401, "APIGW.0301", "Incorrect IAM authentication information."),
    "GATEWAY_FORBIDDEN": (403, "APIGW.0302", "The IAM user is not authorized to access the API."),
    "METHOD_NOT_FOUND": (404, "APIGW.0101", "The API does not exist."),
    "BODY_TOO_LARGE": (413, "APIGW.0201", "Request entity too large."),
}


def test_table__holds_every_constant_under_its_name():
    """Each constant of the module is in the table once, and its row carries the constant's name."""
    constants = {name: row for name, row in vars(codes).items() if isinstance(row, ErrorCode)}
    assert {name: row.name for name, row in constants.items()} == {name: name for name in constants}
    assert [row.name for row in ERROR_CODES] == list(constants)


@pytest.mark.parametrize("row", ERROR_CODES, ids=lambda row: row.name)
def test_row__is_complete(row):
    """Each row has an error status, a code in the vendor's form, a text, a grade and a source."""
    assert 400 <= row.http <= 599
    assert re.fullmatch(r"IOTDA\.\d{6}|APIGW\.\d{4}", row.code)
    assert row.message
    assert isinstance(row.grade, Grade)
    assert len(row.source) > 10


def test_codes__one_meaning_each():
    """No two refusals share a code unless the vendor lets them."""
    names_of = defaultdict(list)
    for row in ERROR_CODES:
        names_of[row.code].append(row.name)
    assert {code for code, names in names_of.items() if len(names) > 1} == SHARED_CODES


@pytest.mark.parametrize("code", sorted(SHARED_CODES))
def test_codes__shared_ones_have_a_documented_row(code):
    """A code that serves several refusals is known from a page for at least one of them."""
    assert Grade.DOCUMENTED in {row.grade for row in ERROR_CODES if row.code == code}


def test_invented__marked_and_apart():
    """Made-up codes are marked so and keep to a range in which no real one is known."""
    made_up = [row for row in ERROR_CODES if row.grade is Grade.INVENTED]
    assert {row.name for row in made_up} == INVENTED
    in_range = {row.name for row in ERROR_CODES if re.fullmatch(r"IOTDA\.0142[89]\d", row.code)}
    assert in_range == INVENTED


def test_retry_refused__inferred():
    """The code of a refused retry is read between the lines, and says so."""
    assert (codes.RETRY_REFUSED.code, codes.RETRY_REFUSED.grade) == ("IOTDA.014218", Grade.INFERRED)


@pytest.mark.parametrize(("name", "row"), PAGES.items())
def test_documented__as_on_the_pages(name, row):
    """Documented rows repeat the page word for word."""
    actual = getattr(codes, name)
    assert (actual.http, actual.code, actual.message) == row
    assert actual.grade is Grade.DOCUMENTED


def test_api_error__carries_the_row():
    """The exception made from a row has its status, code and text."""
    error = codes.TASK_NOT_FOUND.api_error()
    assert isinstance(error, ApiError)
    assert (error.status, error.code, error.message) == (
        404,
        "IOTDA.014280",
        "The batch task does not exist.",
    )


def test_api_error__with_detail():
    """A detail follows the vendor's text, which stays whole."""
    error = codes.TOO_MANY_TARGETS.api_error("101 targets; allowed: 100")
    assert error.message == "Invalid input data. 101 targets; allowed: 100"
