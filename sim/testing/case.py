"""One scenario file under test: its runs, the verdict on each line, the verdict against its baseline.

Everything that takes long is made once and kept in a cache, which may be shared between processes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from sim.errors import ScenarioError
from sim.results.display.format import some_of
from sim.scenario import check_memory, load_scenario
from sim.scenario.section import Fault
from sim.testing import messages
from sim.testing.baseline import (
    Baseline,
    baseline_path,
    file_values,
    inventory_digest,
    read_baseline,
    today,
    versions,
    write_baseline,
)
from sim.testing.compare.comparison import Compared, Comparison, compare_runs
from sim.testing.compare.divergence import fingerprint
from sim.testing.compare.equivalence import REPLICATIONS, Answer
from sim.testing.compare.scenario_diff import changed_places
from sim.testing.diagnosis import changed_values, explain, trail
from sim.testing.discovery import baselines_beside, names_in
from sim.testing.expectation_tests import ExpectedLine, actual_text, lines_of, share_within, shortfall
from sim.testing.runs import Samples, Trial, make_trial, more_samples, place_of

if TYPE_CHECKING:
    from sim.scenario import Scenario
    from sim.testing.result_cache import LocalCache


class Ways(NamedTuple):
    """How a run of tests is called, for messages that say what to do.

    Attributes:
        update: Returns the command that makes the baseline of a scenario file.
        figures: Folder for figures.
    """

    update: Callable[[Path], str]
    figures: Callable[[], Path]


class ItemVerdict(NamedTuple):
    """What became of one test.

    Attributes:
        passed: Whether it passed.
        text: What a reader must know if it did not; a value if it did.
        note: What a reader should know although it passed; empty if nothing.
        figure: The overlay of the curves, if one was drawn.
    """

    passed: bool
    text: str
    note: str = ""
    figure: Path | None = None


class _Difference(NamedTuple):
    """A comparison, with what explains it."""

    comparison: Comparison
    explanation: str
    figure: Path | None


class Case:
    """A scenario file under test."""

    def __init__(self, path: Path, *, shown: str, cache: LocalCache, ways: Ways) -> None:
        """Read the file.

        Args:
            path: The file.
            shown: Its name in messages.

        Raises:
            ScenarioError: Something is wrong with the file.
        """
        self.path, self.shown = path, shown
        self._cache, self._ways = cache, ways
        self.scenario: Scenario = load_scenario(path)
        check_memory(self.scenario)
        self.lines: list[ExpectedLine] = lines_of(self.scenario)
        self.baseline_path = baseline_path(path, self.scenario.name)
        self._shown_baseline = str(baseline_path(Path(shown), self.scenario.name))

    def trial(self) -> Trial:
        """Return the replications that the scenario asks for.

        Raises:
            ScenarioError: They can't be made.
            ModelError: An invariant of the model broke.
        """
        return self._cache.get(f"{self.path}|trial", lambda: make_trial(self.scenario))

    def judge(self, line: ExpectedLine) -> ItemVerdict:
        """Return the verdict on one line of `expect`."""
        if line.expectation.op == "within":
            return self._judge_within(line)
        said = shortfall(line, self.trial())
        if said is None:
            return ItemVerdict(True, actual_text(line, self.trial()))
        return ItemVerdict(False, f"{place_of(line.expectation)} is {said}\n{self._expected(line)}")

    def judge_baseline(self) -> ItemVerdict:
        """Return the verdict on everything that no line sets a margin for."""
        baseline = self._baseline()
        if isinstance(baseline, ItemVerdict):
            return baseline
        difference = self._difference(baseline)
        comparison = difference.comparison
        if comparison.is_fine:
            return ItemVerdict(True, "equal" if not comparison.moved else "equivalent", _note(comparison))
        suspects = [one for one in comparison.by_default if one.finding.answer is Answer.DIFFERENT]
        text = [f"{_moved(suspects, comparison)} against the baseline of {self.shown}"]
        if suspects:
            text += [f"({messages.how_compared(comparison)}; all metrics: {messages.counts(comparison)})"]
            text += ["", *messages.table(suspects), ""]
        text += [f"The baseline has no metric '{name}'." for name in comparison.appeared]
        text += [f"The metric '{name}' of the baseline is gone." for name in comparison.vanished]
        text += [difference.explanation, self._advice(baseline)]
        return ItemVerdict(False, "\n".join(text), figure=difference.figure)

    @cached_property
    def baseline_row(self) -> int:
        """Line of the file, from 1, at which a failure of the baseline is shown.

        That of the first value that is not as the baseline's file had it; else that of `name`, by which the
        baseline is found; else the first.
        """
        try:
            baseline = read_baseline(self.baseline_path)
        except ScenarioError:
            baseline = None  # it can't be read, so it says nothing
        now = file_values(self.scenario)
        places = [] if baseline is None else changed_places(baseline.file, now)
        source = self.scenario.source
        for place in [*places, ("name",)]:
            line = source.problem(Fault(place, "")).line
            if line is not None:
                return line
        return 1

    def update(self, reason: str, replications: int | None = None) -> ItemVerdict:
        """Make the baseline of what happens now, and fail: somebody must look at it.

        Args:
            reason: Why that is right.
            replications: How many to keep; None for 64, or the scenario's own number if that is larger.

        Returns:
            A failure that says what was written; a pass if the baseline says the same already.
        """
        clash = self._clash()
        if clash is not None:
            return clash
        trial = self.trial()
        own = trial.samples.replications
        wanted = max(own, REPLICATIONS if replications is None else replications)
        try:
            old = read_baseline(self.baseline_path)
        except ScenarioError:
            old = None  # it can't be read, so it says nothing
        samples = self._sample(wanted)
        attempts, _ = trail(self.scenario)
        new = Baseline(
            scenario=self.scenario.name,
            reason=reason,
            written=today(),
            versions=versions(),
            seed=trial.seed,
            digest=trial.digest,
            samples=samples,
            curve=trial.curve,
            attempts=fingerprint(attempts),
            file=file_values(self.scenario),
            inventory=inventory_digest(self.scenario),
        )
        if old is not None and _says_the_same(old, new):
            return ItemVerdict(True, "unchanged", f"its baseline says the same already ({old.reason})")
        write_baseline(self.baseline_path, new)
        word = "made" if old is None else "rewritten"
        text = [f"The baseline {self._shown_baseline} was {word}, of {wanted} replications: {reason}"]
        if old is not None:
            text += self._moved_by(old, new)
        text.append("Look at it, commit it, and run again without the update: then this passes.")
        return ItemVerdict(False, "\n".join(text))

    def _clash(self) -> ItemVerdict | None:
        """Return the failure that another scenario of the folder has this one's name; None if none has."""
        name = self.scenario.name
        others = [path.name for path, its in names_in(self.path.parent).items() if its == name]
        others = [other for other in others if other != self.path.name]
        if not others:
            return None
        text = f"The name '{name}' is also that of {', '.join(others)}: they would share a baseline"
        return ItemVerdict(False, f"{text}\n{self.shown}: give it a `name` of its own")

    def _expected(self, line: ExpectedLine) -> str:
        """Return where a line stands and what it says."""
        place = self.shown if line.row is None else f"{self.shown}:{line.row}"
        return f"{place}: expected {line.expectation.written}"

    def _judge_within(self, line: ExpectedLine) -> ItemVerdict:
        """Return the verdict on a line `within ... of baseline`."""
        baseline = self._baseline()
        if isinstance(baseline, ItemVerdict):
            return baseline
        place = place_of(line.expectation)
        if place not in baseline.samples.lines and place not in baseline.samples.metrics:
            text = f"The baseline has no value of {place}: the line is newer than it"
            return ItemVerdict(False, f"{text}\n{self._expected(line)}\n{self._advice(baseline)}")
        difference = self._difference(baseline)
        item = difference.comparison.of(line.expectation)
        actual = actual_text(line, self.trial())
        if item is None or self._keeps(line, item):
            return ItemVerdict(True, actual)
        lines = [f"{place} moved against the baseline", self._expected(line)]
        lines += [f"({messages.how_compared(difference.comparison)})", "", *messages.table([item]), ""]
        lines += [difference.explanation]
        return ItemVerdict(False, "\n".join([*lines, self._advice(baseline)]), figure=difference.figure)

    def _keeps(self, line: ExpectedLine, item: Compared) -> bool:
        """Tell whether a line holds: by the test, or in the share of replications that it names."""
        wanted = line.expectation.replications
        if wanted is None:
            return item.finding.answer is not Answer.DIFFERENT
        n = min(self.trial().samples.replications, len(item.now))
        return share_within(item.subject.before[:n], item.now[:n], item.subject.margin) >= wanted

    def _baseline(self) -> Baseline | ItemVerdict:
        """Return the baseline, or the failure that there is none."""
        clash = self._clash()
        if clash is not None:
            return clash
        try:
            baseline = read_baseline(self.baseline_path, self._shown_baseline)
        except ScenarioError as error:
            return ItemVerdict(False, f"{error}\n  {self._ways.update(self.path)}")
        if baseline is None:
            text = f"There is no baseline {self._shown_baseline}. Make one:\n  {self._ways.update(self.path)}"
            return ItemVerdict(False, text)
        return baseline

    def _sample(self, n: int) -> Samples:
        """Return the first `n` replications."""
        own = self.trial().samples
        if n <= own.replications:
            return own.first(n)
        key = f"{self.path}|{n}"
        return self._cache.get(key, lambda: own.with_more(more_samples(self.scenario, own.replications, n)))

    def _difference(self, baseline: Baseline) -> _Difference:
        """Return the comparison with the baseline."""
        return self._cache.get(f"{self.path}|difference", lambda: self._compared(baseline))

    def _compared(self, baseline: Baseline) -> _Difference:
        """Compare with the baseline, and explain it if something is different."""
        within = [line for line in self.lines if line.expectation.op == "within"]
        comparison = compare_runs(
            baseline.samples,
            self._sample,
            own=self.trial().samples.replications,
            lines=[line.expectation for line in within],
            suite=baselines_beside(self.path),
        )
        items = [(line, comparison.of(line.expectation)) for line in within]
        if comparison.is_fine and all(item is None or self._keeps(line, item) for line, item in items):
            return _Difference(comparison, "", None)
        figure = self._ways.figures() / f"{self.scenario.name}.png"
        text = explain(self.scenario, self.trial(), baseline, figure=figure, folder=self.path.parent)
        return _Difference(comparison, text, figure)

    def _moved_by(self, old: Baseline, new: Baseline) -> list[str]:
        """Say what an update changes."""
        comparison = compare_runs(old.samples, new.samples.first, own=new.samples.replications)
        moved = [item for item in comparison.items if item.finding.answer is Answer.DIFFERENT]
        values = changed_values(self.scenario, old)
        return [*messages.table(moved), *values] if moved else [*values, "No metric is proven different."]

    def _advice(self, baseline: Baseline) -> str:
        """Say whose word this contradicts, and what to do if the change is meant."""
        said = f"Baseline of {baseline.written}: {baseline.reason}"
        return f"{said}\nIf it is right as it is now:\n  {self._ways.update(self.path)}"


def _says_the_same(old: Baseline, new: Baseline) -> bool:
    """Tell whether two baselines differ in nothing but who wrote them, when and why."""
    return all(
        getattr(old, name) == getattr(new, name)
        for name in ("seed", "digest", "samples", "curve", "attempts", "file", "inventory")
    )


def _moved(suspects: list[Compared], comparison: Comparison) -> str:
    """Return which metrics moved, the first ones by name."""
    names = [*(item.subject.place for item in suspects), *comparison.appeared, *comparison.vanished]
    return f"{some_of(names)} moved"


def _note(comparison: Comparison) -> str:
    """Return what a reader should know about a comparison that found nothing wrong."""
    if not comparison.moved:
        return ""
    how = f"{messages.counts(comparison)}; {messages.how_compared(comparison)}"
    said = f"the digest moved, the metrics did not ({how})"
    hidden = messages.undecided(comparison)
    return f"{said}; {hidden}" if hidden else said
