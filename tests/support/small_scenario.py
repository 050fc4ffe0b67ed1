"""A small scenario with luck in it, and what tests of scenario tests need around it."""

from importlib.metadata import entry_points
from pathlib import Path

from sim.testing.case import Case, Ways
from sim.testing.result_cache import LocalCache

TEXT = """\
name: {name}
fleet:
  cohorts:
    - {{name: near, devices: 150, link_rate: 8 Mbit/s, online: {{fraction: 90 %, mean_offline: 1 h}}}}
    - {{name: far, devices: 50, link_rate: 1 Mbit/s}}
stages:
  verify: {{exponential: {{mean: 10 s}}}}
  install: {{uniform: {{low: 50 s, high: {high}}}}}
failures:
  - {{stage: download, code: 2, probability: 10 %}}
campaign:
  package: {{version: "2.0", size: 1 MiB}}
  task_policy: {{retry_count: 2, retry_interval: 5 min}}
run: {{until: 2 d, resolution: 5 min, seed: {seed}, replications: {replications}}}
{more}
"""
"""Most devices are through in a bit more than a minute, nearly all of it the installation."""

CHANGED_BY_5_PERCENT = {"high": "77 s"}
"""The mean installation takes 63.5 s instead of 60 s, and so does most of a device's upgrade."""


def scenario_text(name="tiny", *, high="70 s", seed=3, replications=1, more='expect: {pending: "== 0"}'):
    """Return the small scenario with some values of the caller's."""
    return TEXT.format(name=name, high=high, seed=seed, replications=replications, more=more)


def case_of(path: Path, figures: Path | None = None) -> Case:
    """Return a scenario file under test, outside of pytest."""
    ways = Ways(lambda path: f"update {path.name}", lambda: figures or path.parent / "figures")
    return Case(path, shown=path.name, cache=LocalCache(), ways=ways)


def plugin_words() -> list[str]:
    """Return the words that load the plugin where the package is on the path, but not installed."""
    installed = any(point.name == "fleetsim" for point in entry_points(group="pytest11"))
    return [] if installed else ["-p", "sim.testing.plugin"]
