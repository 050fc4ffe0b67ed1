"""`fleetsim mcp`: the simulator as tools for assistants, over the Model Context Protocol.

Decisions:
- *The SDK's plain server*, instead of its decorators, which would make schemas from annotations: input and
  output schemas are those of `sim.cli.tools` and of `fleetsim schema --of`.
- *Errors are answers*: a wrong scenario comes back as a result marked as an error, with the same document
  that the command prints, so that an assistant can read file, line and what is allowed, and try again.
- *It runs with the rights of its user*, reads any file that a scenario or an argument names, and writes
  nothing but where an argument `out` says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from sim.version import __version__

if TYPE_CHECKING:
    from mcp.server import Server

_INSTRUCTIONS = (
    "Simulates firmware upgrades of device fleets that run as batch tasks. Describe fleet, platform, "
    "failures and campaign in a scenario (YAML), check it with `validate`, then `run` it. `plan` finds the "
    "capacity that goals need, `policy` the retry policy, `explain` says what limits a campaign or why a "
    "device failed."
)


@click.command("mcp")
def command() -> None:
    """Serve validate, run, plan, policy and explain as tools for assistants, over standard input and output.

    The protocol is the Model Context Protocol; a client starts this command itself. Tools answer with the
    documents that the commands print with --json. They run with your rights: they read the files that they
    are told to, and write nothing unless the argument `out` names a place.

    Needs the extra `mcp`: pip install 'fleet-upgrade-sim[mcp]'
    """
    try:
        import anyio
        from mcp.server.stdio import stdio_server
    except ModuleNotFoundError as error:
        if error.name not in ("anyio", "mcp"):
            raise
        raise click.ClickException(
            f"{error.name} is missing; it comes with: pip install 'fleet-upgrade-sim[mcp]'"
        ) from None

    async def serve() -> None:
        server = make_server()
        async with stdio_server() as (incoming, outgoing):
            await server.run(incoming, outgoing, server.create_initialization_options())

    anyio.run(serve)


def make_server() -> Server[Any]:
    """Return the server; it talks as soon as it is run on two streams."""
    import mcp_types as types
    from anyio import to_thread
    from mcp import MCPError
    from mcp.server import Server

    from sim.cli.documents.plain import json_text, plain
    from sim.cli.documents.schemas import document_schema
    from sim.cli.outcome import error_document
    from sim.cli.tools import TOOLS

    async def list_tools(context: object, request: object) -> types.ListToolsResult:
        return types.ListToolsResult(
            tools=[
                types.Tool(
                    name=name,
                    description=(tool.asked.__doc__ or "").strip(),
                    input_schema=tool.asked.model_json_schema(),
                    output_schema=document_schema(name),
                )
                for name, tool in TOOLS.items()
            ]
        )

    def answer(name: str, arguments: dict[str, Any]) -> tuple[dict[str, Any], bool]:
        """Return a tool's document, and whether it is that of an error."""
        try:
            return TOOLS[name].document(arguments), False
        except Exception as error:  # whatever it is, the assistant reads it; the server goes on
            return error_document(error), True

    async def call_tool(context: object, request: types.CallToolRequestParams) -> types.CallToolResult:
        if request.name not in TOOLS:
            # Of any other error the SDK prints a traceback.
            message = f"unknown tool '{request.name}'; allowed: {', '.join(TOOLS)}"
            raise MCPError(types.INVALID_PARAMS, message)
        document, is_error = await to_thread.run_sync(answer, request.name, request.arguments or {})
        return types.CallToolResult(
            content=[types.TextContent(type="text", text=json_text(document))],
            structured_content=plain(document),
            is_error=is_error,
        )

    return Server(
        "fleetsim",
        version=__version__,
        instructions=_INSTRUCTIONS,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )
