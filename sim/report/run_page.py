"""The page of a run: what it says first, its sections, and where it comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.report import sections
from sim.report.charts import Table
from sim.report.comparison_part import comparison_part
from sim.report.page_model import Page, Section, Tile
from sim.report.panels import Panels
from sim.report.rests_on import assumptions
from sim.report.time_bars import time_sections
from sim.report.words import actual_text, bound_text, date_text, start_of, verdict_of
from sim.results.display.format import counted, format_interval, format_metric, format_outcome
from sim.results.display.headline import limited_by
from sim.results.display.limited import Limit
from sim.scenario.metrics import metric_label
from sim.scenario.sections.costs import PAID_FOR
from sim.units import format_duration, format_price

if TYPE_CHECKING:
    from sim.results.files.read import StoredRun


def run_page(run: StoredRun) -> Page:
    """Return the page of a run."""
    panels = Panels(run)
    verdict = verdict_of(run)
    completion, recovery = panels.completion(), panels.recovery()
    course = Section("course", "How it went", charts=[completion], layout="pair")
    if recovery is None:
        course.sentences = ["No first attempt failed, so there is nothing to recover from."]
    else:
        course.charts = [completion, recovery]
    parts = [
        *comparison_part(run),
        course,
        *time_sections(run, panels.cohorts),
        sections.load(panels),
        sections.failures(panels),
        sections.attempts(run, panels),
        sections.cohorts(run, panels),
        sections.rollout(run),
        sections.calls(run),
        assumptions(run),
    ]
    mood = {True: "met", False: "unmet", None: ""}[verdict.is_met]
    word = {True: "expectations met", False: "expectations not met", None: "report"}[verdict.is_met]
    start = start_of(run)
    return Page(
        title=run.scenario.name,
        description=run.scenario.description,
        question=verdict.question,
        answer=verdict.answer,
        mood=mood,
        verdict_word=word,
        about=_about(run),
        tiles=_tiles(run),
        lead_tables=_expectations(run),
        sections=parts,
        origin=_origin(run),
        scenario_text=run.manifest["scenario_text"],
        version=run.manifest["versions"]["fleetsim"],
        limited=_limited(run),
        cohorts=panels.cohorts,
        left_out=len(run.summary["by_cohort"]) - len(panels.cohorts),
        start_s=None if start is None else start.timestamp(),
    )


def _limited(run: StoredRun) -> str:
    """Say what limited the campaign, and for what share of the time; empty for files without it."""
    means = {name: run.summary["metrics"][name]["mean"] for name in ("devices", "succeeded", "failed")}
    told = limited_by(means, [Limit(**limit) for limit in run.summary.get("limited_by", [])])
    return f"{told}." if told else ""


def _about(run: StoredRun) -> str:
    """Say what the numbers are."""
    n = run.manifest["replications"]
    simulated = format_duration(run.manifest["simulated_s"])
    start = date_text(run, 0.0)
    begin = f" Time 0 is {start}." if start else ""
    if n == 1:
        return f"One run, seed {run.manifest['seed']}, {simulated} of simulated time.{begin}"
    mean = "numbers are means, those in brackets the 95 % interval of the mean"
    return f"{n} runs with seed {run.manifest['seed']}, up to {simulated} of simulated time: {mean}.{begin}"


def _tiles(run: StoredRun) -> list[Tile]:
    """Return the outcome in large letters."""
    metrics = run.summary["metrics"]
    text = {name: format_metric(name, value["mean"]) for name, value in metrics.items()}

    def interval(name: str) -> str:
        return format_interval(name, metrics[name]["low"], metrics[name]["high"])

    ends = {name: metrics[name]["mean"] for name in ("succeeded", "failed", "stopped", "pending")}
    shares = dict(zip(ends, format_outcome(list(ends.values())), strict=True))
    tiles = [
        Tile(
            "in Success",
            shares["succeeded"],
            f"{text['succeeded']} of {text['devices']} {interval('success_share')}".rstrip(),
        ),
        Tile("in Fail", shares["failed"], counted(ends["failed"], "device")),
    ]
    for name, label in (("stopped", "stopped"), ("pending", "still pending")):
        if ends[name]:
            tiles.append(Tile(label, shares[name], counted(ends[name], "device")))
    reached = [p for p in (50, 90, 95, 99) if metrics[f"time_to_success.p{p}"]["mean"] is not None]
    for percent in reached[-2:]:
        name = f"time_to_success.p{percent}"
        tiles.append(Tile(f"{percent} % of the fleet upgraded", text[name], interval(name)))
    if metrics["needed_recovery"]["mean"]:
        note = f"of {text['needed_recovery']} whose first attempt failed"
        tiles.append(Tile("recovered", text["recovered_share"], note))
    settled = Tile("all settled after", text["makespan"])
    tiles += [settled] if metrics["makespan"]["mean"] is not None else []
    retries = f"{text['auto_retries']} automatic, {text['manual_retries']} manual retries"
    tiles.append(Tile("attempts a device", text["attempts_per_device"], retries))
    tiles.append(Tile("downloaded", text["bytes_downloaded"], f"{text['bytes_wasted']} by failed attempts"))
    if metrics["retry_calls"]["mean"]:
        targets = (
            f"{text['retry_targets_accepted']} targets accepted, {text['retry_targets_refused']} refused"
        )
        tiles.append(Tile("retry calls", text["retry_calls"], targets))
    return [*tiles, *_cost_tiles(run)]


def _cost_tiles(run: StoredRun) -> list[Tile]:
    """Return what the campaign costs and what for; nothing without costs."""
    costs, metrics = run.scenario.costs, run.summary["metrics"]
    if costs is None:
        return []
    parts = [f"{PAID_FOR[p]} {format_price(metrics[f'cost_{PAID_FOR[p]}']['mean'])}" for p in costs.given]
    total = metrics["cost"]
    note = f"{', '.join(parts)} {format_interval('cost', total['low'], total['high'])}".rstrip()
    return [Tile("cost", format_price(total["mean"], costs.currency), note)]


def _expectations(run: StoredRun) -> list[Table]:
    """Return what was expected and what came; the verdict is first, where it is seen on a narrow screen."""
    words = {True: "✓ met", False: "✗ not met", None: "not checked: it needs a baseline"}
    rows = [
        (
            words[verdict["met"]],
            metric_label(verdict["metric"]),
            bound_text(expectation),
            actual_text(expectation, verdict),
        )
        for expectation, verdict in zip(run.scenario.expectations, run.summary["expectations"], strict=True)
    ]
    table = Table("Expectations", ("verdict", "what", "expected", "actual"), rows, words=(1, 2, 3))
    return [table] if rows else []


def _origin(run: StoredRun) -> list[tuple[str, str]]:
    """Return what is needed to make it again."""
    manifest = run.manifest
    versions = ", ".join(f"{name} {number}" for name, number in manifest["versions"].items())
    return [
        ("Scenario", f"{manifest['scenario']}, digest {manifest['scenario_digest'][:16]}"),
        ("Seed", str(manifest["seed"])),
        ("Runs", str(manifest["replications"])),
        ("Device plane", manifest["plane"]),
        ("Digest of the records", manifest["digest"]),
        ("Versions", versions),
        ("Run on", f"{manifest['written_at']}, {format_duration(manifest['wall_s'])} of real time"),
    ]
