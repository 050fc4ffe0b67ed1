"""`fleetsim schema`: print the JSON Schema of scenario files, or the reference made of it."""

import json

import click

from sim.scenario import scenario_schema


@click.command("schema")
@click.option("--markdown", is_flag=True, help="Print the scenario reference instead, as Markdown.")
def command(*, markdown: bool) -> None:
    """Print the JSON Schema of scenario files.

    Save it and name it in the first line of a scenario, and an editor completes and checks while
    you type: # yaml-language-server: $schema=scenario.schema.json
    """
    if markdown:
        from sim.cli.reference import scenario_markdown

        click.echo(scenario_markdown(), nl=False)
    else:
        click.echo(json.dumps(scenario_schema(), indent=2, ensure_ascii=False))
