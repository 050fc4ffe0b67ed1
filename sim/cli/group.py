"""The list of commands, and a group that imports a command's module when it is invoked."""

import importlib

import click

from sim.version import __version__

PROGRAM = "fleetsim"

COMMANDS = {
    "run": "Run a scenario, print a summary and write the results.",
    "validate": "Check scenario files.",
    "schema": "Print the JSON Schema of scenario files.",
    "sweep": "Run a scenario at every point of a grid.",
    "plan": "Find the smallest capacity with which goals hold.",
    "policy": "Find the automatic retry policies that no other one beats.",
    "sensitivity": "Say which fields matter to which metrics.",
    "check": "Test scenarios: what they expect, and their baselines.",
    "diff": "Compare two results on disk.",
    "report": "Turn results into one HTML file.",
    "explain": "Tell what one device did, and what would have saved it.",
    "compile": "Compile the kernels ahead.",
    "bench": "Measure both planes side by side.",
    "serve": "Serve the batch-task API over a simulated fleet.",
    "journal": "Turn a served session into a scenario.",
    "record": "Record a real campaign by polling the service.",
    "watch": "Record, and print a line a sweep.",
    "fit": "Fit a template's numbers to recorded data.",
    "mcp": "Serve tools for assistants (MCP).",
}
"""Name to one-line text, in the order of `--help`. The command is `command` in `sim.cli.<name>`."""


class LazyCommand(click.Command):
    """Stands for a command in listings and completions until it is invoked."""

    def load(self) -> click.Command:
        """Import the module and return the command itself."""
        command = importlib.import_module(f"sim.cli.{self.name}").command
        assert isinstance(command, click.Command)
        return command


class LazyGroup(click.Group):
    """A group of `LazyCommand`, listed in the order in which they were added."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """List the names; click would sort them, but the important ones come first."""
        return list(self.commands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Replace the stand-in by the real command: this is the step before it is invoked."""
        name, command, rest = super().resolve_command(ctx, args)
        if isinstance(command, LazyCommand):
            command = command.load()
        return name, command, rest


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name=PROGRAM)
def root() -> None:
    """Simulate upgrades of device fleets that run as batch tasks.

    A scenario file describes the fleet, the platform, what fails, and who retries what and when.
    """


for _name, _summary in COMMANDS.items():
    root.add_command(LazyCommand(name=_name, short_help=_summary))
