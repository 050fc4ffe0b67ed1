"""What a command prints with `--json`, held against the schema that `fleetsim schema --of` prints."""

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from sim.cli import main


def shut(node: Any) -> Any:
    """Return a schema in which every object has the keys that are described, and no others."""
    if isinstance(node, list):
        return [shut(item) for item in node]
    if not isinstance(node, dict):
        return node
    inner = {key: shut(value) for key, value in node.items()}
    if "properties" in inner and "additionalProperties" not in inner:
        inner["additionalProperties"] = False
    return inner


def printed_schema(name: str, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """Return the schema that the command prints."""
    assert main(["schema", "--of", name]) == 0
    schema: dict[str, Any] = json.loads(capsys.readouterr().out)
    Draft202012Validator.check_schema(schema)
    return schema


def document_of(
    words: list[str], capsys: pytest.CaptureFixture[str], *, code: int = 0, schema: str | None = None
) -> dict[str, Any]:
    """Run a command with `--json`; return its document, which has exactly what its schema says.

    Args:
        words: The command's words.
        capsys: Of the test.
        code: The exit code that it must have.
        schema: Whose schema it must keep; None for the command's.
    """
    capsys.readouterr()
    answered = main([*words, "--json"])
    out = capsys.readouterr().out
    document: dict[str, Any] = json.loads(out, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert answered == code, document
    assert problems_of(document, printed_schema(words[0] if schema is None else schema, capsys)) == []
    return document


def problems_of(document: dict[str, Any], schema: dict[str, Any]) -> list[str]:
    """Return how a document breaks a schema, and which of its keys the schema does not explain."""
    errors = Draft202012Validator(shut(schema)).iter_errors(document)
    return [f"{error.json_path}: {error.message}" for error in errors]
