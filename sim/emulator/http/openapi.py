"""Entries of the OpenAPI document, made from the models that check the requests."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from sim.emulator.http.gate import INSTANCE_ID_LENGTH_MAX
from sim.emulator.http.requests import PATH_PATTERNS
from sim.emulator.schemas import ErrorAnswer
from sim.rules import codes

_COMPONENT: Final = "#/components/schemas/{model}"
_REFUSALS: Final = (
    codes.INVALID_INPUT,
    codes.UNAUTHORIZED,
    codes.PROJECT_MISMATCH,
    codes.TASK_NOT_FOUND,
    codes.BODY_TOO_LARGE,
    codes.URI_TOO_LARGE,
    codes.HEADERS_TOO_LARGE,
    codes.THROTTLED,
    codes.INTERNAL_ERROR,
    codes.NOT_IMPLEMENTED,
    codes.BACKEND_UNAVAILABLE,
)
_HEADERS: Final = [
    {
        "name": "X-Auth-Token",
        "in": "header",
        "required": False,
        "description": "Token; not needed if the request is signed.",
        "schema": {"type": "string", "minLength": 1},
    },
    {
        "name": "Instance-Id",
        "in": "header",
        "required": False,
        "description": "The instance; any name will do.",
        "schema": {"type": "string", "minLength": 1, "maxLength": INSTANCE_ID_LENGTH_MAX},
    },
]
_SECURITY_SCHEMES: Final = {
    "token": {"type": "apiKey", "in": "header", "name": "X-Auth-Token"},
    "signature": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "`SDK-HMAC-SHA256 Access=…` or `V11-HMAC-SHA256 Credential=…`, as the SDK signs.",
    },
}
_used: Final[set[type[BaseModel]]] = {ErrorAnswer}


def described(
    *path: str,
    query: type[BaseModel] | None = None,
    body: type[BaseModel] | None = None,
    answer: type[BaseModel] | None = None,
    status: int = HTTPStatus.OK,
) -> dict[str, Any]:
    """Return what the document says about an operation.

    Args:
        *path: Names of its path parameters.
        query: Model of its query parameters, if it has any.
        body: Model of its body, if it has one; optional unless a field is required.
        answer: Model of its answer; None for an empty one.
        status: Status of its answer.
    """
    # Those of the vendor are below a project; our own know no instance.
    headers = _HEADERS if "project_id" in path else []
    entry: dict[str, Any] = {
        "parameters": [_path_parameter(name) for name in path] + _query_parameters(query) + headers,
        "responses": {str(row.http): _response(row.message, ErrorAnswer) for row in _REFUSALS},
    }
    entry["responses"][str(int(status))] = _response(HTTPStatus(status).phrase, answer)
    if body is not None:
        is_required = any(field.is_required() for field in body.model_fields.values())
        entry["requestBody"] = {"required": is_required, "content": _content(body)}
    return entry


class DocumentedApp(FastAPI):
    """An application whose document has the schemas that `described` refers to."""

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document, made when it is first asked for."""
        if self.openapi_schema is None:
            document = super().openapi()
            models = sorted(_used, key=lambda model: model.__name__)
            _, schemas = models_json_schema(
                [(model, "validation") for model in models], ref_template=_COMPONENT
            )
            document["components"] = {"schemas": schemas["$defs"], "securitySchemes": _SECURITY_SCHEMES}
            document["security"] = [{name: []} for name in _SECURITY_SCHEMES]  # one of them is enough
        return self.openapi_schema or {}


def _content(model: type[BaseModel]) -> dict[str, Any]:
    """Return a reference to a model's schema."""
    _used.add(model)
    return {"application/json": {"schema": {"$ref": _COMPONENT.format(model=model.__name__)}}}


def _response(description: str, model: type[BaseModel] | None) -> dict[str, Any]:
    """Return the entry of an answer."""
    described_as: dict[str, Any] = {"description": description}
    return described_as if model is None else {**described_as, "content": _content(model)}


def _path_parameter(name: str) -> dict[str, Any]:
    """Return the entry of a path parameter."""
    schema = {"type": "string", "pattern": PATH_PATTERNS[name]}
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _query_parameters(query: type[BaseModel] | None) -> list[dict[str, Any]]:
    """Return the entries of query parameters."""
    if query is None:
        return []
    schema = query.model_json_schema()
    required = schema.get("required", ())
    return [
        {"name": name, "in": "query", "required": name in required, "schema": _plain(form)}
        for name, form in schema["properties"].items()
    ]


def _plain(form: dict[str, Any]) -> dict[str, Any]:
    """Return the form of a parameter without the null that only Python knows."""
    variants = [one for one in form.get("anyOf", [form]) if one.get("type") != "null"]
    return {key: value for key, value in variants[0].items() if key not in ("title", "default")}
