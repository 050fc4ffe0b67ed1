"""Writing the file of a fit; `sim.calibration.files.fit_file` reads it."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sim.atomic_files import write_whole
from sim.calibration.files.fit_file import COLUMNS, FORMAT, VERSION, meaning
from sim.calibration.unknowns import Unknown
from sim.version import __version__

if TYPE_CHECKING:
    from sim.calibration.fit import Fit


def fit_document(fit: Fit) -> dict[str, Any]:
    """Return what the file of a fit holds, as plain data."""
    template, unknowns = fit.template, fit.unknowns
    scaled = np.array(
        [[one.free(x) for one, x in zip(unknowns, row, strict=True)] for row in _inside(fit.draws, unknowns)]
    ).reshape(len(fit.draws), len(unknowns))
    told = zip(fit.estimates.tolist(), fit.low.tolist(), fit.high.tolist(), fit.grades, strict=True)
    rows = []
    for one, ends in zip(unknowns, told, strict=True):
        what = (one.path, list(one.paths), meaning(template, one.path), one.kind, one.transform, one.value)
        rows.append(dict(zip(COLUMNS, (*what, *ends), strict=True)))
    several = len(fit.draws) > 1 and unknowns
    covariance = np.atleast_2d(np.cov(scaled, rowvar=False)) if several else np.zeros((len(unknowns),) * 2)
    return {
        "format": FORMAT,
        "version": VERSION,
        "fleetsim": __version__,
        "scenario": template.name,
        "template_digest": template.digest,
        "data_digest": fit.data_digest,
        "devices": fit.n_devices,
        "attempts": fit.n_attempts,
        "effective_draws": float(fit.effective),
        "pareto_k": float(fit.pareto_k),
        "log_likelihood": float(fit.log_likelihood),
        "numbers": rows,
        "mean": scaled.mean(axis=0).tolist(),
        "covariance": covariance.tolist(),
        "draws": fit.draws.tolist(),
        "notes": list(fit.notes),
    }


def write_fit(path: Path, fit: Fit) -> None:
    """Write the file of a fit; one that is there is replaced.

    Raises:
        OSError: It can't be written.
    """
    write_whole(path, json.dumps(_plain(fit_document(fit)), indent=1, allow_nan=False) + "\n")


def _plain(value: Any) -> Any:
    """Return plain data in which numbers that JSON does not know are null."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _inside(draws: NDArray[np.float64], unknowns: Sequence[Unknown]) -> NDArray[np.float64]:
    """Return draws that can be put on the scale of the search: no share of 0 or 1, nothing of 0."""
    tops = [1 - 1e-15 if one.transform == "logit" else np.inf for one in unknowns]
    return np.clip(draws, 1e-300, np.array(tops))
