"""What comes in: path and query parameters, and bodies, each checked against its model.

By hand, instead of by the framework: its way costs more time than most calls themselves, and has no
place for the vendor's codes, for an empty body that means `{}`, or for JSON as strict as the standard.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final, TypeVar

from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from pydantic_core import from_json

from sim.errors import ApiError
from sim.rules import ErrorCode, codes

_DETAIL_MAX: Final = 300
_OF_PARAMETER: Final[dict[object, ErrorCode]] = {
    "limit": codes.LIMIT_OUT_OF_RANGE,
    "marker": codes.MARKER_OUT_OF_RANGE,
    "offset": codes.OFFSET_OUT_OF_RANGE,
}
PATH_PATTERNS: Final = {
    "project_id": "^[0-9a-f]{32}$",
    "task_id": "^[a-f0-9]{1,24}$",
    "package_id": "^[A-Za-z0-9-]{1,36}$",
}
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
        name: `project_id`, `task_id` or `package_id`.

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
        return model.model_validate({} if value is None else value)
    except ValidationError as error:
        raise _refused(error) from None


def _refused(error: ValidationError) -> ApiError:
    """Return the refusal of a form; it names the first fault only."""
    fault = error.errors(include_url=False, include_input=False, include_context=False)[0]
    path: Sequence[object] = fault["loc"]
    if len(path) == 1 and path[0] in _OF_PARAMETER:
        return _OF_PARAMETER[path[0]].api_error()
    where = ".".join(str(step) for step in path) or "body"
    return codes.INVALID_INPUT.api_error(f"{where}: {fault['msg']}"[:_DETAIL_MAX])
