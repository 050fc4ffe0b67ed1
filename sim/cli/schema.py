"""`fleetsim schema`: print the JSON Schema of scenario files or of answers, or the reference made of it."""

from __future__ import annotations

import json

import click

from sim.cli.documents.schemas import DOCUMENTS, document_schema
from sim.scenario import scenario_schema


@click.command("schema")
@click.option(
    "--of",
    "name",
    type=click.Choice(list(DOCUMENTS)),
    metavar="COMMAND",
    help="Print the schema of what a command answers with --json, or of `error`, instead of a scenario's.",
)
@click.option("--markdown", is_flag=True, help="Print the scenario reference instead, as Markdown.")
def command(*, name: str | None, markdown: bool) -> None:
    """Print the JSON Schema of scenario files.

    Save it and name it in the first line of a scenario, and an editor completes and checks while
    you type: # yaml-language-server: $schema=scenario.schema.json
    """
    if markdown and name is not None:
        raise click.UsageError("--markdown prints the scenario reference; it does not go with --of")
    if markdown:
        from sim.cli.reference import scenario_markdown

        click.echo(scenario_markdown(), nl=False)
        return
    schema = scenario_schema() if name is None else document_schema(name)
    click.echo(json.dumps(schema, indent=2, ensure_ascii=False))
