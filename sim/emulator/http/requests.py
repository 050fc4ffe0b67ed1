"""What comes in: path and query parameters, and bodies, each checked against its model.

By hand, instead of by the framework: its way costs more time than most calls themselves, and has no
place for the vendor's codes, for an empty body that means `{}`, or for JSON as strict as the standard.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Coroutine, Sequence
from functools import cache
from typing import Any, Final, TypeVar, get_args

from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from pydantic_core import from_json

from sim.emulator.schemas import DEVICE_ID_PATTERN, CheckedLater
from sim.errors import ApiError
from sim.rules import ErrorCode, codes

_DETAIL_MAX: Final = 300
_KEYS_SHOWN: Final = 5
_KEY_LENGTH_SHOWN: Final = 64
_WARNINGS_MAX: Final = 200
_OF_PARAMETER: Final[dict[object, ErrorCode]] = {
    "limit": codes.LIMIT_OUT_OF_RANGE,
    "marker": codes.MARKER_OUT_OF_RANGE,
    "offset": codes.OFFSET_OUT_OF_RANGE,
}
PATH_PATTERNS: Final = {
    "project_id": "^[0-9a-f]{32}$",
    "task_id": "^[a-f0-9]{1,24}$",
    "package_id": "^[A-Za-z0-9-]{1,36}$",
    "device_id": DEVICE_ID_PATTERN,
}
_LOG: Final = logging.getLogger(__name__)
_PATH_FORMS: Final = {name: re.compile(pattern.strip("^$")) for name, pattern in PATH_PATTERNS.items()}


class DirectRoute(APIRoute):
    """A route whose function gets the request and nothing else; looking for more takes longer than most."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the route's function as it is."""
        handler: Callable[[Request], Coroutine[Any, Any, Response]] = self.endpoint
        return handler


Model = TypeVar("Model", bound=BaseModel)


def query_of(request: Request, model: type[Model]) -> Model:
    """Return the query parameters; of a repeated one the last counts, unknown ones are passed over.

    Args:
        model: What they must be.

    Raises:
        ApiError: One has a wrong form.
    """
    try:
        return model.model_validate(dict(request.query_params))
    except ValidationError as error:
        raise _refused(error) from None


def path_of(request: Request, name: str) -> str:
    """Return a path parameter.

    Args:
        name: One of `PATH_PATTERNS`.

    Raises:
        ApiError: It has a wrong form.
    """
    value = str(request.path_params[name])
    if _PATH_FORMS[name].fullmatch(value) is None:
        raise codes.INVALID_INPUT.api_error(f"{name}: must have the form {PATH_PATTERNS[name]}")
    return value


async def body_of(request: Request, model: type[Model]) -> Model:
    """Return the body; an empty one and `null` stand for `{}`.

    Args:
        model: What it must be.

    Raises:
        ApiError: It is not JSON, or not of that form.
    """
    content = await request.body()
    value: Any = {}
    if content:
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type != "application/json":
            raise codes.BAD_REQUEST.api_error("The media type of the body must be application/json")
        try:
            value = from_json(content, allow_inf_nan=False)
        except ValueError as error:  # nor UTF-8, nor too deep: as strict as the standard
            raise codes.BAD_REQUEST.api_error(str(error)) from None
    try:
        body = model.model_validate({} if value is None else value)
    except ValidationError as error:
        raise _refused(error) from None
    if value:
        unknown = unknown_keys(value, model)
        if unknown:
            request.app.state.unknown_keys.judge(f"{request.method} {request.url.path}", unknown)
    return body


def unknown_keys(value: dict[str, Any], model: type[BaseModel]) -> list[str]:
    """Return the keys of a body that its model doesn't have, as paths with dots, in the body's order.

    Args:
        value: The body; it has the model's form otherwise.
        model: What it was checked against.
    """
    nested = _nested_of(model)
    unknown = []
    for key, one in value.items():
        if key not in nested:
            unknown.append(key)
        elif isinstance(one, dict) and (inner := nested[key]) is not None:
            unknown += [f"{key}.{below}" for below in unknown_keys(one, inner)]
    return unknown


@cache
def _nested_of(model: type[BaseModel]) -> dict[str, type[BaseModel] | None]:
    """Return the fields of a model, each with the model of its value if it has one."""
    nested: dict[str, type[BaseModel] | None] = {}
    for name, field in model.model_fields.items():
        later = (mark.model for mark in field.metadata if isinstance(mark, CheckedLater))
        kinds = (field.annotation, *get_args(field.annotation), *later)
        found = (kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel))
        nested[name] = next(found, None)
    return nested


class UnknownKeys:
    """Says what a body has that the API doesn't know: often a name with a slip of the pen."""

    def __init__(self, *, is_strict: bool) -> None:
        """Choose what to do about them.

        Args:
            is_strict: Refuse the body, instead of a warning on standard error.
        """
        self._is_strict = is_strict
        self._told: set[str] = set()

    def judge(self, where: str, keys: list[str]) -> None:
        """Warn about unknown keys, once about the same ones, or refuse them.

        Args:
            where: Method and path.
            keys: The unknown keys.

        Raises:
            ApiError: Such bodies are refused.
        """
        # They come from outside: neither long nor able to steer a terminal.
        shown = ", ".join(ascii(key[:_KEY_LENGTH_SHOWN]) for key in keys[:_KEYS_SHOWN])
        if self._is_strict:
            raise codes.INVALID_INPUT.api_error(f"body: has keys that the API does not know: {shown}")
        if shown not in self._told and len(self._told) < _WARNINGS_MAX:
            self._told.add(shown)
            _LOG.warning("Warning: %s: passed over, the API does not know: %s", ascii(where)[1:-1], shown)


def _refused(error: ValidationError) -> ApiError:
    """Return the refusal of a form; it names the first fault only."""
    fault = error.errors(include_url=False, include_input=False, include_context=False)[0]
    path: Sequence[object] = fault["loc"]
    if len(path) == 1 and path[0] in _OF_PARAMETER:
        return _OF_PARAMETER[path[0]].api_error()
    where = ".".join(str(step) for step in path) or "body"
    return codes.INVALID_INPUT.api_error(f"{where}: {fault['msg']}"[:_DETAIL_MAX])
