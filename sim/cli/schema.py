"""`fleetsim schema`: print the JSON Schema of scenario files or of answers, or the reference made of it."""

from __future__ import annotations

import click

from sim.cli.documents.plain import json_text
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
@click.option("--json", is_flag=True, help="Errors as JSON, too; what is printed else is JSON anyway.")
def command(*, name: str | None, markdown: bool, json: bool) -> None:
    """Print the JSON Schema of scenario files.

    Save it and name it in the first line of a scenario, and an editor completes and checks while
    you type: # yaml-language-server: $schema=scenario.schema.json
    """
    if markdown and (name is not None or json):
        raise click.UsageError("--markdown prints the scenario reference; it stands alone")
    if markdown:
        from sim.cli.reference import scenario_markdown

        click.echo(scenario_markdown(), nl=False)
        return
    schema = scenario_schema() if name is None else document_schema(name)
    click.echo(json_text(schema))
