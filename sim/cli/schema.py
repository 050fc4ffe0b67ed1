"""`fleetsim schema`: print the JSON Schema of scenario files."""

import json

import rich_click as click

from sim.scenario import scenario_schema


@click.command("schema")
def command() -> None:
    """Print the JSON Schema of scenario files.

    Save it and name it in the first line of a scenario, and an editor completes and checks while
    you type: # yaml-language-server: $schema=scenario.schema.json
    """
    click.echo(json.dumps(scenario_schema(), indent=2, ensure_ascii=False))
