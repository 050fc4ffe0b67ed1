"""How probable sequences of outcomes of one device are, whatever their times.

A device has a tendency z, at most one mark that acts, runs the version or not, and may be in conditions that
outlast an attempt. Given z and mark an attempt's outcome is a product over stages in closed form; z is
integrated by Gauss and Hermite's rule, marks are summed over, conditions are two-state chains in time.

Source:
    Design M5, M17, M20 and fine print 3. Abramowitz and Stegun, 25.4.46.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim.calibration.cohort_model import CauseNumbers, CohortModel
from sim.calibration.likelihood.endings import CURRENT, DEAD, FIRST_CAUSE, REACHABLE, SUCCESS
from sim.fleet.spec import LEAVES_DEAD, LEAVES_NEW, N_STAGES
from sim.rules import Stage

Floats = NDArray[np.float64]

_POINTS: Final = 15
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(_POINTS)
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()

_FRESH: Final = 0
"""A device that does not run the version."""
_RUNS: Final = 1
_DEAD: Final = 2


class Outcomes(NamedTuple):
    """Outcomes of a device's attempts, one after the other.

    Attributes:
        outcomes: As in `endings`.
        gaps_s: Time from the attempt before, s; the first is 0. Looked at if the cohort has conditions.
    """

    outcomes: tuple[int, ...]
    gaps_s: tuple[float, ...]


def _marks(model: CohortModel) -> tuple[list[int], Floats]:
    """Return the causes that can mark a device, -1 for none first, and how probable it is that each acts.

    Of a device's marks the earliest in the order of stages and lists acts.
    """
    rows, shares, left = [-1], [0.0], 1.0
    for row, cause in enumerate(model.causes):
        if cause.permanent > 0.0:
            rows.append(row)
            shares.append(left * cause.permanent)
            left *= 1.0 - cause.permanent
    shares[0] = left
    return rows, np.array(shares)


def _lifted(p: float, lift: Floats) -> Floats:
    """Return a probability whose odds are lifted."""
    if p >= 1.0:
        return np.ones(len(lift))
    odds = p / (1.0 - p) * lift
    return np.asarray(odds / (1.0 + odds))


class _Stage(NamedTuple):
    """What may happen in a stage: rows of conditions, rows of causes that strike an attempt."""

    conditions: tuple[int, ...]
    strikes: tuple[int, ...]


def _stages(causes: Sequence[CauseNumbers]) -> tuple[_Stage, ...]:
    """Return the causes by stage."""
    found = []
    for s in range(N_STAGES):
        here = [row for row, cause in enumerate(causes) if cause.stage == s]
        lasting = tuple(row for row in here if causes[row].lasts_s > 0.0)
        strikes = tuple(row for row in here if causes[row].lasts_s == 0.0 and causes[row].probability > 0.0)
        found.append(_Stage(lasting, strikes))
    return tuple(found)


class OutcomePart:
    """Probabilities of outcomes for one cohort; made anew when its failures or its spread change."""

    def __init__(self, model: CohortModel) -> None:
        """Work out the probabilities of single attempts.

        Args:
            model: The cohort.
        """
        self._model = model
        self._stages = _stages(model.causes)
        self._rows, self._share = _marks(model)
        self._lift = np.exp(model.spread * _NODES)
        self._has_conditions = any(stage.conditions for stage in self._stages)
        # Of strikes alone: that stage s lets an attempt pass, and that each cause ends it there.
        self._passes = np.ones((N_STAGES, _POINTS))
        self._strikes = np.zeros((len(model.causes), _POINTS))
        for s, stage in enumerate(self._stages):
            total = sum(model.causes[row].probability for row in stage.strikes)
            if total > 0.0:
                lifted = _lifted(min(total, 1.0), self._lift)
                self._passes[s] = 1.0 - lifted
                for row in stage.strikes:
                    self._strikes[row] = lifted * (model.causes[row].probability / total)
        self._known: dict[int, Floats] = {}

    def probability(self, sequence: Outcomes) -> float:
        """Return the probability that the attempts of a device have these outcomes, one after the other."""
        if not sequence.outcomes:
            return 1.0
        # By mark, by what the device runs, by node.
        p = np.zeros((len(self._rows), 3, _POINTS))
        current = self._model.already_current
        p[:, _FRESH] = self._share[:, None] * (1.0 - current)
        p[:, _RUNS] = self._share[:, None] * current
        conditions = _Conditions(self._model, self._lift) if self._has_conditions else None
        for outcome, gap_s in zip(sequence.outcomes, sequence.gaps_s, strict=True):
            if conditions is None:
                p = p * self._single(outcome)
            else:
                conditions.pass_time(gap_s)
                p = p * self._single(outcome) * self._by_conditions(conditions, outcome)
            self._leave(p, outcome)
        return float(np.einsum("mrz,z->", p, _WEIGHTS))

    def _leave(self, p: Floats, outcome: int) -> None:
        """Let devices be in the state that an attempt leaves them in."""
        leaves = self._model.causes[outcome - FIRST_CAUSE].leaves if outcome >= FIRST_CAUSE else 0
        if leaves == LEAVES_NEW or outcome == SUCCESS:
            p[:, _RUNS] += p[:, _FRESH]
            p[:, _FRESH] = 0.0
        elif leaves == LEAVES_DEAD:
            p[:, _DEAD] += p[:, _FRESH] + p[:, _RUNS]
            p[:, _FRESH] = p[:, _RUNS] = 0.0

    def _single(self, outcome: int) -> Floats:
        """Return the probability of an outcome, conditions aside: (marks, 3, nodes)."""
        if outcome not in self._known:
            found = np.zeros((len(self._rows), 3, _POINTS))
            for m, row in enumerate(self._rows):
                for runs in (_FRESH, _RUNS):
                    found[m, runs] = self._of_device(outcome, row, runs == _RUNS)
            found[:, _DEAD] = float(outcome == DEAD)
            self._known[outcome] = found
        return self._known[outcome]

    def _of_device(self, outcome: int, mark: int, runs: bool) -> Floats:
        """Return the probability of an outcome for devices with a mark, by node; conditions aside."""
        causes = self._model.causes
        none = np.zeros(_POINTS)
        mark_stage = causes[mark].stage if mark >= 0 else N_STAGES
        last = int(Stage.QUERY) if runs else N_STAGES - 1  # it goes through this stage and no further
        if outcome == REACHABLE:
            return self._through(0) if mark_stage > Stage.CONTACT else none
        if outcome in (SUCCESS, CURRENT):
            is_possible = mark_stage > last and runs == (outcome == CURRENT)
            return self._through(last) if is_possible else none
        if outcome == DEAD:
            return none
        row = outcome - FIRST_CAUSE
        s = causes[row].stage
        if s > last or s > mark_stage:
            return none
        before = self._through(s - 1)
        if mark_stage == s:
            return before if row == mark else none
        return before * (np.ones(_POINTS) if causes[row].lasts_s > 0.0 else self._strikes[row])

    def _through(self, last: int) -> Floats:
        """Return the probability that nothing strikes in the stages up to one."""
        return np.asarray(np.prod(self._passes[: last + 1], axis=0))

    def _by_conditions(self, conditions: _Conditions, outcome: int) -> Floats:
        """Return the factor of conditions for an outcome, by mark and node; remembers what it tells."""
        causes = self._model.causes
        row = outcome - FIRST_CAUSE
        if outcome in (SUCCESS, REACHABLE):
            end = N_STAGES if outcome == SUCCESS else 1
        elif outcome == CURRENT:
            end = int(Stage.QUERY) + 1
        elif outcome == DEAD:
            end = 0
        else:
            end = causes[row].stage + 1
        factor = np.ones((len(self._rows), 1, _POINTS))
        for s in range(end):
            acting = self._stages[s].conditions
            is_marked = np.array([m >= 0 and causes[m].stage == s for m in self._rows])
            if row in acting:
                acting = acting[: acting.index(row) + 1]
            for condition in acting:
                seen = conditions.see(condition, condition == row)
                # A mark of the stage acts whatever the conditions of the stage are.
                factor = factor * np.where(is_marked[:, None, None], 1.0, seen)
        return np.asarray(factor)


class _Conditions:
    """What is known of a device's conditions, by node: the probability that each holds it now."""

    def __init__(self, model: CohortModel, lift: Floats) -> None:
        """Begin with a device that nobody has looked at."""
        self._rows = [row for row, cause in enumerate(model.causes) if cause.lasts_s > 0.0]
        self._share, self._decay, self._now = {}, {}, {}
        for row in self._rows:
            cause = model.causes[row]
            share = _lifted(cause.probability, lift)
            self._share[row] = self._now[row] = share
            # Off-periods are shorter for those who tend to fail; a chain forgets at the sum of its rates.
            self._decay[row] = 1.0 / (cause.lasts_s * (1.0 - share))

    def pass_time(self, gap_s: float) -> None:
        """Let time pass until the next attempt."""
        for row in self._rows:
            kept = np.exp(-gap_s * self._decay[row])
            self._now[row] = self._share[row] + (self._now[row] - self._share[row]) * kept

    def see(self, row: int, is_on: bool) -> Floats:
        """Take down whether a condition holds the device; return how probable that was."""
        found = self._now[row] if is_on else 1.0 - self._now[row]
        self._now[row] = np.full(_POINTS, float(is_on))
        return np.asarray(found)
