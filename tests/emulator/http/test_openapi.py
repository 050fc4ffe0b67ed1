"""The served OpenAPI document against what is really answered."""

import subprocess
import sys

import openapi_spec_validator
import pytest

from support.emulator import CREDENTIALS, PACKAGE_ID, PROJECT, TASKS, ids
from support.server import Client, Server, write_scenario

CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
]


def test_document__lists_the_operations(api):
    """Every supported operation is described, with its refusals and without the framework's own."""
    document = api.get("/openapi.json").json
    operations = {
        (method, path.removeprefix("/v5/iot/{project_id}"))
        for path, entry in document["paths"].items()
        for method in entry
    }

    assert {
        ("post", "/batchtasks"),
        ("get", "/batchtasks"),
        ("get", "/batchtasks/{task_id}"),
        ("delete", "/batchtasks/{task_id}"),
        ("post", "/batchtasks/{task_id}/retry"),
        ("post", "/batchtasks/{task_id}/stop"),
        ("post", "/batchtasks/{task_id}/confirm"),
        ("post", "/ota-upgrades/packages"),
        ("get", "/ota-upgrades/packages"),
        ("get", "/ota-upgrades/packages/{package_id}"),
        ("delete", "/ota-upgrades/packages/{package_id}"),
        ("get", "/devices"),
        ("get", "/devices/{device_id}"),
        ("get", "/_sim/clock"),
        ("post", "/_sim/clock/advance"),
        ("post", "/_sim/reset"),
    } <= operations
    for entry in document["paths"].values():
        for operation in entry.values():
            assert {"400", "401", "403", "404"} <= set(operation["responses"])
            assert "422" not in operation["responses"]


def test_document__is_valid(api):
    """The document is one of OpenAPI, whatever reads it."""
    openapi_spec_validator.validate(api.get("/openapi.json").json)


def test_document__says_who_may_call(api):
    """A token or a signature; the vendor's calls name both of their headers."""
    document = api.get("/openapi.json").json
    schemes = document["components"]["securitySchemes"]

    assert {scheme["name"] for scheme in schemes.values()} == {"X-Auth-Token", "Authorization"}
    assert document["security"] == [{name: []} for name in schemes]
    for path, entry in document["paths"].items():
        for operation in entry.values():
            headers = {one["name"]: one for one in operation["parameters"] if one["in"] == "header"}
            is_vendors = path.startswith("/v5/iot/")
            assert set(headers) == ({"X-Auth-Token", "Instance-Id"} if is_vendors else set())
            if is_vendors:
                lengths = headers["Instance-Id"]["schema"]
                assert (lengths["minLength"], lengths["maxLength"]) == (1, 36)


def test_document__says_how_many_targets_there_may_be(api):
    """The bounds of the vendor's models are in the document, as they are in the rules."""
    schemas = api.get("/openapi.json").json["components"]["schemas"]
    bounds = {}
    for name in ("CreateBatchTask", "BatchTargets"):
        listed, nothing = schemas[name]["properties"]["targets"]["anyOf"]
        assert nothing == {"type": "null"}
        assert listed["items"]["pattern"] == "^[A-Za-z0-9_-]{1,128}$"
        bounds[name] = listed["maxItems"]

    assert bounds == {"CreateBatchTask": 30_000, "BatchTargets": 100}


@pytest.mark.slow
@pytest.mark.parametrize("known_task", [True, False])
def test_document__is_what_is_answered(tmp_path, known_task):
    """Whatever is sent: no 5xx, and no status or form of an answer that the document doesn't have."""
    config = f'[parameters]\nproject_id = "{PROJECT}"\n'
    if known_task:
        config += f'task_id = "{1:024x}"\npackage_id = "{PACKAGE_ID}"\n'
        config += f'device_id = "{ids("flaky", 1)[0]}"\n'
    (tmp_path / "schemathesis.toml").write_text(config)
    body = {
        "task_name": "t",
        "task_type": "firmwareUpgrade",
        "targets": ids("flaky", 1, 2),
        "document": {"package_ids": [PACKAGE_ID]},
    }
    words = ["--checks", ",".join(CHECKS), "--max-examples", "10", "--phases", "coverage,fuzzing,stateful"]
    with Server(str(write_scenario(tmp_path))) as server:
        with Client(server.port) as client:
            assert client.call("POST", TASKS, body)[0] == 201
        run = subprocess.run(
            [
                *(sys.executable, "-m", "schemathesis.cli", "run", f"{server.url}/openapi.json", *words),
                *("-H", f"X-Auth-Token: {CREDENTIALS.token}", "--no-color", "--seed", "1"),
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        rest = server.stop()

    assert run.returncode == 0, run.stdout
    assert " passed" in run.stdout
    assert "Traceback" not in rest
