"""What binds the waves of a rollout to each other, to the fleet, and to the run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from sim.scenario.model import ScenarioValues
from sim.scenario.section import Fault, Path
from sim.scenario.short.selectors import is_selector
from sim.units import format_duration

_SUM_TOLERANCE: Final = 1e-9


def _waves_grow(scenario: ScenarioValues) -> Iterator[Fault]:
    waves = scenario.campaign.waves
    if not waves:
        return
    names, sizes = scenario.cohort_names, scenario.cohort_sizes
    n_devices = sum(sizes)
    named: dict[str, int] = {}
    reached = 0.0
    for i_wave, wave in enumerate(waves):
        if wave.share is None and wave.cohorts is None:
            return  # the wave says so itself
        if any(map(is_selector, wave.cohorts or ())):
            return  # it means nobody, which was said of it
        path: Path = ("campaign", "waves", i_wave)
        for i_name, name in enumerate(wave.cohorts or ()):
            if name in named:
                yield Fault((*path, "cohorts", i_name), f"'{name}' is already in waves[{named[name]}]")
            named.setdefault(name, i_wave)
        own = set(wave.cohorts or ())
        n_own = sum(size for name, size in zip(names, sizes, strict=True) if name in own)
        n_others = n_devices - n_own
        if wave.share is None:
            if reached >= 1 - _SUM_TOLERANCE:
                yield Fault((*path, "cohorts"), "adds nothing: the waves before it reach the whole fleet")
            in_named = sum(size for name, size in zip(names, sizes, strict=True) if name in named)
            reached = max(reached, in_named / n_devices)
            continue
        if wave.share <= reached:
            yield Fault(
                (*path, "share"),
                f"{_percent(wave.share)} is not more than the {_percent(reached)} reached before; shares are "
                "cumulative and must grow",
            )
        elif (wave.share - reached) * n_others < 1 - _SUM_TOLERANCE:
            of = "other devices" if own else "devices"
            yield Fault((*path, "share"), f"adds less than one of the {n_others} {of}")
        reached = max(reached, (n_own + wave.share * n_others) / n_devices)
    if reached < 1 - _SUM_TOLERANCE:
        missing = "" if waves[-1].share is not None else ", or name all cohorts"
        at_end: Path = (
            "campaign",
            "waves",
            len(waves) - 1,
            "share" if waves[-1].share is not None else "cohorts",
        )
        yield Fault(at_end, f"the waves end at {_percent(reached)}; the last one must reach 100 %{missing}")


def _waves_begin_in_time(scenario: ScenarioValues) -> Iterator[Fault]:
    until = scenario.run.until
    for i_wave, wave in enumerate(scenario.campaign.waves):
        if wave.begin is not None and wave.begin.at is not None and wave.begin.at >= until:
            yield Fault(
                ("campaign", "waves", i_wave, "begin", "at"),
                f"would never begin: the run ends at {format_duration(until)} (run.until)",
            )


def _percent(share: float) -> str:
    return f"{share * 100:.6g} %"


WAVE_CHECKS: Final[tuple[Callable[[ScenarioValues], Iterator[Fault]], ...]] = (
    _waves_grow,
    _waves_begin_in_time,
)
