"""The charts of a run: specifications, filled with the run's aggregates, and described in words."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from sim.report import charts
from sim.report.charts import OPEN, STATES, Chart, Columns, Shade, Table
from sim.report.time_scales import time_scales
from sim.report.words import WAITTING
from sim.results.call_statistics import CALLS_MARKED, retry_rounds
from sim.results.counts import ATTEMPTS_SHOWN, FailureCount, attempt_counts, failure_counts
from sim.results.curves import RunCurves, shown
from sim.results.display.format import format_count, format_metric, format_share, limit_text
from sim.results.figures.timeaxis import SINCE_FAILURE
from sim.results.platform_load import LIMITS, is_limit_near
from sim.results.time_span import TimeSpan, is_wide
from sim.rules import SubtaskState
from sim.units import format_duration, format_rate

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sim.fleet.spec import Floats
    from sim.results.files.read import StoredRun

COHORTS_MAX: Final = 25
"""Cohorts that a page shows one by one: the slowest ones."""
_COHORT_PERCENTS: Final = (50, 90, 95, 99)
_FAILURES_MAX: Final = 12
_FLAT: Final = 0.8
_TABLE_ROWS: Final = 12
_START: Final = "time in the run"


class Panels:
    """Charts of one run; each is None where there is nothing to show."""

    def __init__(self, run: StoredRun) -> None:
        """Look at a run."""
        self._run = run
        outages = run.scenario.outages
        self._outages = [
            Shade(outage.at, outage.at + outage.lasts, "freeze" if outage.effect.freeze else "outage")
            for outage in outages
        ]

    @cached_property
    def cohorts(self) -> list[str]:
        """The cohorts that the filter offers: the slowest ones if there are very many, in file order."""
        slowest = {name for name, _ in slowest_cohorts(self._run)[:COHORTS_MAX]}
        return [name for name in self._run.summary["by_cohort"] if name in slowest]

    @cached_property
    def _curves(self) -> RunCurves:
        """The curves of the run."""
        return shown(self._run.replications, self._run.fleet)

    @property
    def _several(self) -> str:
        """Say what bands and cohorts show if there are several replications."""
        n = len(self._run.replications)
        return f"Mean of {n} runs; the band holds 90 % of them. " if n > 1 else ""

    def completion(self) -> Chart:
        """Return the fleet by status over time."""
        run, curves = self._run, self._curves.status
        seen = [state for state in SubtaskState if curves.share[:, state].any()]
        keys = [key for key in STATES if key in {state.progress_key for state in seen}]
        top = keys.index("success") + 1 if "success" in keys else 0
        stack = [*keys[:top], OPEN, *keys[top:]]
        data: Columns = {name: [] for name in ("cohort", "t", "low", "high", *stack)}
        fleet = {key: curves.share[:, _state(key)] for key in keys}
        bounds = {"low": curves.success.low, "high": curves.success.high}
        _extend(data, cohort="", t=curves.time_s, **fleet, **bounds)
        time_s = self._curves.cohort_time_s
        for name, ends in self._of_cohorts(self._curves.cohorts):
            known = {"success": ends.success, "fail": ends.fail, "stopped": ends.stopped}
            shown = {key: value for key, value in known.items() if key in keys}
            _extend(data, cohort=name, t=time_s, **shown, open=1.0 - sum(known.values()))
        marks = retry_rounds(run.calls)
        marks = marks if len(marks) <= CALLS_MARKED else []
        legend = [(f"s-{key}", STATES[key], "" if key in _ENDS else "fleet") for key in keys]
        legend.append(("s-open", "not ended yet", "cohort"))
        notes = [self._several] if len(run.replications) > 1 else []
        notes += ["Dashed: retry calls. "] if marks else []
        shaded = [f"{what}s" for what in dict.fromkeys(shade.what for shade in self._outages)]
        notes += [f"Shaded: {' and '.join(shaded)}. "] if shaded else []
        notes += [_MEANINGS[key] for key in keys if key in _MEANINGS]
        final = format_share(float(curves.success.mean[-1]))
        return Chart(
            name="completion",
            title="Devices by status",
            alt=f"Stacked areas of the devices by status over time: {final} in Success at the end.",
            spec=charts.completion_spec(stack, marks, self._outages),
            data=data,
            time=time_scales(curves.span, _START, is_dated=True),
            follows=True,
            legend=tuple(legend),
            note="".join(notes).strip(),
            table=_time_table(
                "share of the devices by status",
                curves.span,
                curves.time_s,
                {STATES[key]: curves.share[:, _state(key)] for key in keys},
            ),
        )

    def recovery(self) -> Chart | None:
        """Return recovery over time since the first failure."""
        run, bands = self._run, self._curves.recovery
        if bands is None:
            return None
        data: Columns = {name: [] for name in _RECOVERY_COLUMNS}
        rows = dict(zip(_RECOVERY_COLUMNS[2:], _both(bands.recovered, bands.given_up), strict=True))
        _extend(data, cohort="", t=bands.time_s, **rows)
        for name, curve in self._of_cohorts(self._curves.recoveries):
            if curve is not None:
                good, lost = ((share, share, share) for share in curve)
                rows = dict(zip(_RECOVERY_COLUMNS[2:], _both(good, lost), strict=True))
                _extend(data, cohort=name, t=self._curves.recovery_time_s, **rows)
        needed = run.summary["metrics"]["needed_recovery"]["mean"]
        share = format_share(float(bands.recovered.mean[-1]))
        return Chart(
            name="recovery",
            title="Recovery after a failed first attempt",
            alt=f"Share recovered by time since the first failure: {share} of {format_count(needed)}.",
            spec=charts.recovery_spec(),
            data=data,
            time=time_scales(bands.span, SINCE_FAILURE),
            follows=True,
            legend=(("s-success", "recovered", ""), ("s-fail", "given up", "")),
            note=f"{self._several}Given up: ended in Fail or Stopped, though a later call may retry it.",
            table=_time_table(
                "share of the devices whose first attempt failed",
                bands.span,
                bands.time_s,
                {"recovered": bands.recovered.mean, "given up": bands.given_up.mean},
            ),
        )

    def loads(self) -> list[Chart]:
        """Return what the platform carries, one chart a quantity that ever was above 0."""
        curves = self._curves.load
        wanted = (
            ("processing", "in Processing", "count"),
            ("downloads", "downloads at once", "count"),
            ("bandwidth", "bandwidth used", "rate"),
        )
        found = []
        for name, title, form in wanted:
            time_s, values = getattr(curves, name)
            metric = f"peak_{name}"
            peak = self._run.summary["metrics"][metric]["mean"]
            if peak <= 0:
                continue
            limit = LIMITS[metric](self._run.scenario.platform)
            unit = 8.0 if form == "rate" else 1.0  # ticks are round in bits
            near = limit * unit if limit is not None and is_limit_near(limit, peak) else None
            text, bound = format_metric(metric, peak), limit_text(metric, limit)
            is_short = values.high.max(initial=0.0) < _FLAT * peak
            short = ""
            if is_short:
                step = format_duration(self._run.scenario.run.resolution)
                short = f" (dotted) for less than the {step} between points"
            if curves.is_mean and name != "processing":
                step = format_duration(self._run.scenario.run.resolution)
                short = f"{' (dotted)' if is_short else ''}; area: the mean, since points are {step} apart"
            data: Columns = {key: [] for key in ("t", "mean", "low", "high")}
            bands = {"mean": values.mean * unit, "low": values.low * unit, "high": values.high * unit}
            _extend(data, t=time_s, **bands)
            found.append(
                Chart(
                    name=name,
                    title=f"{title[0].upper()}{title[1:]}",
                    alt=f"{title} over time: peak {text}, {bound}.",
                    spec=charts.load_spec(
                        title, form, near, self._outages, peak=peak * unit if is_short else None
                    ),
                    data=data,
                    time=time_scales(curves.span, _START, is_dated=True),
                    note=f"Peak {text}{short}; {bound}.",
                    table=_time_table(title, curves.span, time_s, {title: values.mean}, form=form),
                )
            )
        return found

    @cached_property
    def failures(self) -> list[FailureCount]:
        """Devices by cohort and last failure in the first replication."""
        return failure_counts(self._run.fleet, self._run.scenario)

    def failure_table(self) -> Table | None:
        """Return the devices by their last failure, with stage and code, for all and for each cohort."""
        if not self.failures:
            return None
        rows: list[tuple[str, ...]] = []
        cohorts: list[str] = []
        for cohort in ("", *self.cohorts):
            for line in _failure_lines([c for c in self.failures if cohort in ("", c.cohort)]):
                rows.append(line)
                cohorts.append(cohort)
        return Table(
            "Devices by their last failure",
            ("stage and failure", "devices", "most of them in"),
            rows,
            words=(2,),
            note=self._first_run("A device that succeeded later is not counted."),
            bars=1,
            cohorts=tuple(cohorts),
        )

    def attempts(self) -> Chart:
        """Return how many attempts devices made."""
        data: Columns = {name: [] for name in ("cohort", "attempts", "state", "name", "devices", "order")}
        keys = list(STATES)
        counts = attempt_counts(self._run.fleet)
        sums: dict[tuple[str, int, str], int] = {}
        for count in counts:
            for cohort in {"", count.cohort} & {"", *self.cohorts}:
                key = (cohort, min(count.attempts, ATTEMPTS_SHOWN), count.state.progress_key)
                sums[key] = sums.get(key, 0) + count.devices
        for (cohort, attempts, state), devices in sorted(sums.items()):
            last = f"{ATTEMPTS_SHOWN}+" if attempts == ATTEMPTS_SHOWN else str(attempts)
            row: dict[str, Any] = {"cohort": cohort, "attempts": last, "state": state, "name": STATES[state]}
            row |= {"devices": devices, "order": keys.index(state)}
            for name, value in row.items():
                data[name].append(value)
        seen = [key for key in keys if key in data["state"]]
        numbers = sorted(set(data["attempts"]), key=lambda text: int(text.rstrip("+")))
        return Chart(
            name="attempts",
            title="Devices by attempts made, and where they stand",
            alt="Bars: devices by number of attempts, stacked by status at the end of the run.",
            spec=charts.attempts_spec(numbers, seen),
            data=data,
            follows=True,
            legend=tuple((f"s-{key}", STATES[key], "") for key in seen),
            note=self._first_run(WAITTING if "waitting" in seen else ""),
        )

    def cohort_times(self) -> Chart | None:
        """Return when each cohort is upgraded, the slowest first; None if none ever was by half."""
        names = [f"p{percent}" for percent in _COHORT_PERCENTS]
        data: Columns = {name: [] for name in ("cohort", "line", "first", "last", *names)}
        slowest = slowest_cohorts(self._run)
        for cohort, values in slowest[:COHORTS_MAX]:
            times = [values[f"time_to_success.{name}"] for name in names]
            known = [time_s for time_s in times if time_s is not None]
            line = f"{cohort}: "
            if known:
                line += f"{_COHORT_PERCENTS[len(known) - 1]} % within {format_duration(known[-1])}"
            if len(known) < len(times):
                line += f"{', ' if known else ''}{_COHORT_PERCENTS[len(known)]} % never"
            ends = {"first": known[0] if known else None, "last": known[-1] if known else None}
            row: dict[str, Any] = {"cohort": cohort, "line": line, **ends}
            for name, value in (row | dict(zip(names, times, strict=True))).items():
                data[name].append(value)
        ends_s = [time_s for time_s in (*data["first"], *data["last"]) if time_s is not None]
        if not ends_s:
            return None
        low_s, high_s = min(ends_s), max(ends_s)
        span = TimeSpan(min(low_s, high_s / 2) / 2, high_s * 1.03, is_skewed=is_wide(low_s, high_s))
        several = len(self._run.replications) > 1
        notes = [f"Means over {len(self._run.replications)} runs."] if several else []
        notes += [more] if (more := more_cohorts(len(slowest))) else []
        return Chart(
            name="cohorts",
            title="When 50, 90, 95 and 99 % of a cohort are upgraded",
            alt=f"Lines: {data['line'][0]} is the slowest of {len(slowest)} cohorts.",
            spec=charts.cohorts_spec(data["cohort"]),
            data=data,
            time=time_scales(span, _START, is_dated=True),
            note=" ".join(notes),
        )

    def _of_cohorts(self, values: Sequence[Any]) -> Iterable[tuple[str, Any]]:
        """Return the values of the cohorts that the filter offers."""
        both = zip(self._run.cohort_names, values, strict=True)
        return [(name, value) for name, value in both if name in self.cohorts]

    def _first_run(self, sentence: str) -> str:
        """Say which run is shown where it is one of several."""
        several = len(self._run.replications) > 1
        return " ".join(part for part in ("The first run." if several else "", sentence) if part)


_MEANINGS: Final = {
    "waitting": f"{WAITTING} ",
    "processing": "Processing: an attempt is under way, the wait for the device to come online included. ",
    "fail_wait_retry": "FailWaitRetry: failed, and waits for its automatic retry. ",
}
"""States whose names say too little to somebody who meets them for the first time."""

_ENDS: Final = ("success", "fail", "stopped")
_RECOVERY_COLUMNS: Final = (
    *("cohort", "t", "recovered", "recovered_low", "recovered_high"),
    *("given_up", "kept", "kept_low", "kept_high"),
)


def more_cohorts(number: int) -> str:
    """Say how many cohorts are not shown, of those that are sorted by how slow they are; empty if none.

    Args:
        number: How many there are.
    """
    return f"And {number - COHORTS_MAX:,} more, which are faster." if number > COHORTS_MAX else ""


def slowest_cohorts(run: StoredRun) -> list[tuple[str, dict[str, Any]]]:
    """Return cohorts and their metrics, the slowest first.

    That is the one that never comes to 50, 90, 95 or 99 %, or else comes to 99 % last; of several that do
    not, the one that comes to the share below last.
    """

    def slowness(item: tuple[str, dict[str, Any]]) -> tuple[float, ...]:
        times = [item[1][f"time_to_success.p{percent}"] for percent in reversed(_COHORT_PERCENTS)]
        return tuple(-np.inf if time_s is None else -time_s for time_s in times)

    return sorted(run.summary["by_cohort"].items(), key=slowness)


def _state(key: str) -> SubtaskState:
    """Return the state with that column."""
    return SubtaskState[key.upper()]


def _both(good: Any, lost: Any) -> list[Floats]:
    """Return the columns of a recovery curve: recovered, given up, and what is left above."""
    return [good[0], good[1], good[2], lost[0], 1.0 - lost[0], 1.0 - lost[2], 1.0 - lost[1]]


def _failure_lines(counts: Sequence[FailureCount]) -> list[tuple[str, ...]]:
    """Return a row a failure and stage, the most frequent first, rare ones together."""
    groups: dict[tuple[str, str], list[FailureCount]] = {}
    for count in counts:
        groups.setdefault((failure_text(count), count.stage_text), []).append(count)
    ranked = sorted(groups.items(), key=lambda item: -sum(count.devices for count in item[1]))
    lines: list[tuple[str, ...]] = []
    for (text, stage), members in ranked[:_FAILURES_MAX]:
        total = sum(count.devices for count in members)
        leader = max(members, key=lambda count: count.devices)
        lines.append((f"{stage}: {text}", f"{total:,}", f"{leader.cohort} ({leader.devices:,})"))
    rest = [count.devices for _, members in ranked[_FAILURES_MAX:] for count in members]
    if rest:
        lines.append((f"{len(ranked) - _FAILURES_MAX} rarer ones", f"{sum(rest):,}", "–"))
    return lines


def failure_text(count: FailureCount) -> str:
    """Return a failure in words: code and meaning, or the platform's text."""
    return count.text if count.label == count.text else f"{count.text} (code {count.label})"


def _extend(data: Columns, **rows: Any) -> None:
    """Append rows; one value stands for all of them, and columns that aren't given get no value."""
    n = len(rows["t"])
    for name, column in data.items():
        values = rows.get(name)
        if isinstance(values, str) or values is None:
            column += [values] * n
        else:
            column += _rounded(values)


def _rounded(values: Floats) -> list[float | int]:
    """Return values as short as they can be shown: shares to 4 decimals, others to 6 digits."""
    if values.max(initial=0.0) <= 1.0:
        return [round(value, 4) for value in values.tolist()]
    return [int(value) if value.is_integer() else float(f"{value:.6g}") for value in values.tolist()]


def _time_table(
    caption: str, span: TimeSpan, time_s: Floats, columns: dict[str, Floats], *, form: str = "share"
) -> Table:
    """Return some rows of curves, at round times."""
    scales = time_scales(span, "")
    ticks = scales["log" if span.is_skewed else "linear"]["ticks"]
    write = {"share": format_share, "count": format_count, "rate": format_rate}[form]
    rows = []
    for tick in [*ticks[-_TABLE_ROWS:], float(time_s[-1])]:
        row = int(np.searchsorted(time_s, tick, side="right")) - 1
        if row >= 0:
            cells = (write(float(values[row])) for values in columns.values())
            rows.append((format_duration(tick) if tick else "0 s", *cells))
    return Table(caption, ("time", *columns), rows)
