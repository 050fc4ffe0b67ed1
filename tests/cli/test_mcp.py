"""`fleetsim mcp`: tools for assistants, asked by the SDK's own client."""

import sys
from pathlib import Path

import anyio
import pytest
from jsonschema import Draft202012Validator

from sim.cli.mcp import make_server
from sim.cli.tools import TOOLS

mcp = pytest.importorskip("mcp")
from mcp.client import Client  # noqa: E402 - it may be missing
from mcp.client.stdio import StdioServerParameters, stdio_client  # noqa: E402 - likewise
from mcp_types import INVALID_PARAMS  # noqa: E402 - likewise

pytestmark = pytest.mark.usefixtures("folder")

SCENARIO = """\
name: tiny
fleet: {cohorts: [{name: gateway, devices: 50}]}
stages: {install: {constant: 60 s}}
failures: [{stage: install, code: 10, probability: 20 %}]
campaign:
  package: {version: "2.0", size: 1 MiB}
  task_policy: {retry_count: 1, retry_interval: 5 min}
run: {until: 1 d, seed: 3}
"""

CALLS = {
    "validate": {},
    "run": {"replications": 2, "plane": "simpy"},
    "plan": {
        "vary": {"platform.max_processing": "1..9"},
        "goals": ["makespan <= 20 min"],
        "replications": 2,
    },
    "policy": {"replications": 2},
    "explain": {},
}


def asked(name, **arguments):
    """Return what a tool answers to a client in this process, over streams in memory."""

    async def ask():
        async with Client(make_server(), mode="legacy") as client:
            return await client.call_tool(name, arguments)

    return anyio.run(ask)


def test_tools__are_the_commands_with_their_schemas():
    """A client learns what each takes and what it answers; both are schemas that hold."""

    async def ask():
        async with Client(make_server(), mode="legacy") as client:
            return (await client.list_tools()).tools

    tools = anyio.run(ask)

    assert [tool.name for tool in tools] == list(TOOLS) == list(CALLS)
    for tool in tools:
        assert tool.description
        for schema in (tool.input_schema, tool.output_schema):
            Draft202012Validator.check_schema(schema)
        fields = tool.input_schema["properties"].values()
        assert all(field["description"] for field in fields)


@pytest.mark.parametrize("name", CALLS)
def test_tools__answer_with_the_document_and_write_nothing(name, folder):
    """The client itself holds the answer against the schema; no file appears unless `out` says where."""
    result = asked(name, scenario="tiny.yaml", **CALLS[name])

    assert not result.is_error
    assert result.structured_content
    assert [path.name for path in folder.iterdir()] == ["tiny.yaml"]


def test_run__writes_where_it_is_told(folder):
    """A folder of something else is refused, as the command refuses it."""
    (folder / "mine").mkdir()
    (folder / "mine" / "notes.txt").write_text("keep", encoding="utf-8")

    written = asked("run", scenario="tiny.yaml", out="there", plane="simpy").structured_content
    refused = asked("run", scenario="tiny.yaml", out="mine", plane="simpy")

    assert {*written["files"]} == {path.name for path in Path("there").iterdir()}
    assert refused.is_error
    assert "holds other files" in refused.structured_content["error"]["message"]
    assert [path.name for path in Path("mine").iterdir()] == ["notes.txt"]


def test_scenario__may_be_text():
    """An assistant that has just written one need not save it; faults name line and column all the same."""
    good = asked("validate", scenario=SCENARIO).structured_content
    bad = asked("run", scenario=SCENARIO.replace("until", "untill"))

    assert good["files"][0]["valid"]
    assert bad.is_error
    (problem,) = bad.structured_content["error"]["problems"]
    assert (problem["line"], problem["suggestion"]) == (8, "until")


@pytest.mark.parametrize(
    ("name", "arguments", "path"),
    [
        ("run", {"scenario": "no.yaml"}, ""),
        ("run", {"scenario": "tiny.yaml", "sead": 1}, "sead"),
        ("run", {}, "scenario"),
        ("plan", {"scenario": "tiny.yaml", "vary": {"a": "1..2"}, "goals": ["x <= 1"]}, "a"),
        ("explain", {"scenario": "tiny.yaml", "out": "x.png"}, "out"),
        ("explain", {"scenario": "tiny.yaml", "device_id": "gateway-7"}, "device_id"),
    ],
)
def test_errors__are_structured(name, arguments, path):
    """What is wrong comes back as a result that is marked as an error, not as a broken call."""
    result = asked(name, **arguments)

    assert result.is_error
    assert result.structured_content["error"]["kind"] == "input"
    assert path in [problem["path"] for problem in result.structured_content["error"]["problems"]]


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("run", {"sead": 1}, "unknown argument 'sead'; did you mean 'seed'? allowed: scenario, seed, repli"),
        ("run", {"scenario": None}, "nothing is not allowed; a text"),
        ("run", {"seed": 1.5}, "1.5 is not allowed; a whole number"),
        ("run", {"plane": "compild"}, "unknown word 'compild'; did you mean 'compiled'? allowed: auto, co"),
        ("run", {"plane": 3}, "3 is not allowed; one of auto, compiled, simpy"),
        ("plan", {"vary": 3}, '3 is not allowed; a mapping of texts, like {"platform.max_processing": "50'),
        ("plan", {"goals": "x"}, "'x' is not allowed; a list of texts, like \"time_to_success.p99 <= 8 h\""),
        ("plan", {"goals": [3]}, "3 is not allowed; a text"),
        ("plan", {"confidence": [1]}, "a list is not allowed; a text or a number"),
        ("policy", {"exhaustive": "maybe"}, "'maybe' is not allowed; true or false"),
    ],
)
def test_errors__are_said_as_those_of_a_scenario(name, arguments, said):
    """What was given, and what is allowed; once for each argument, and never in pydantic's words."""
    good = {"scenario": "tiny.yaml"} | ({"vary": {"a": "1..2"}, "goals": ["x"]} if name == "plan" else {})

    problems = asked(name, **(good | arguments)).structured_content["error"]["problems"]

    [(path, message)] = [(problem["path"], problem["message"]) for problem in problems]
    assert path.partition(".")[0] == next(iter(arguments))
    assert message.startswith(said)
    assert problems[0]["allowed"]


def test_errors__what_is_missing_is_said_with_what_it_is_for():
    """All at once, in the words of the schema."""
    problems = asked("plan", scenario="tiny.yaml").structured_content["error"]["problems"]

    assert [problem["path"] for problem in problems] == ["vary", "goals"]
    assert problems[1]["message"] == 'is required; what must hold together, like "time_to_success.p99 <= 8 h"'


def test_command__speaks_over_standard_input_and_output(folder):
    """A client starts the process and asks; nothing but the protocol is on standard output."""

    async def ask():
        server = StdioServerParameters(command=sys.executable, args=["-m", "sim", "mcp"], cwd=str(folder))
        with Path("stderr.txt").open("w") as log:
            async with Client(stdio_client(server, errlog=log)) as client:
                return await client.call_tool("run", {"scenario": "tiny.yaml", "plane": "simpy"})

    result = anyio.run(ask)

    assert not result.is_error
    assert result.structured_content["scenario"] == "tiny"


def test_call__of_an_unknown_tool_is_refused_without_a_traceback(caplog):
    """The client learns which tools there are; the server's log, its standard error, stays empty."""

    async def ask():
        async with Client(make_server(), mode="legacy") as client:
            with pytest.raises(mcp.MCPError) as refused:
                await client.call_tool("guess", {})
        return refused.value

    refusal = anyio.run(ask)

    assert refusal.message == "unknown tool 'guess'; allowed: validate, run, plan, policy, explain"
    assert refusal.code == INVALID_PARAMS
    assert [record for record in caplog.records if record.exc_info] == []
