"""Axes of fields that vary: numbers stand where they are, words beside each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import altair as alt
import numpy as np

from sim.study.display.axes import log_ticks
from sim.study.ranges.vary import read_vary, sweep_axes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.study.ranges.vary import Axis

_TICKS_MAX: Final = 8


def axis_of(field: str, values: Sequence[Any]) -> Axis:
    """Return the axis of a field, from the values that a study's files have of it.

    Args:
        field: Its path.
        values: In the order of the file; each may occur several times.
    """
    (axis,) = sweep_axes(read_vary({field: list(dict.fromkeys(values))}))
    return axis


def is_numeric(axis: Axis) -> bool:
    """Tell whether values are drawn as numbers: two of them have no distance worth a scale."""
    return axis.numbers is not None and len(axis.values) > 2


def places(axis: Axis, values: Sequence[Any]) -> list[float | str]:
    """Return where values stand along an axis: numbers in its unit, or their names.

    Args:
        axis: Has all of the values.
        values: As a file writes them.
    """
    if not is_numeric(axis):
        return [str(value) for value in values]
    assert axis.numbers is not None
    at = {str(value): float(number) for value, number in zip(axis.values, axis.numbers, strict=True)}
    return [at[str(value)] for value in values]


def field_position(axis: Axis) -> Any:
    """Return the horizontal position of a field's value, a column called `x`.

    Args:
        axis: The field.
    """
    name = axis.path.rpartition(".")[2]
    if not is_numeric(axis):
        names = [str(value) for value in axis.values]
        return alt.X("x:O", sort=names, axis=alt.Axis(title=name, labelAngle=0, labelOverlap=True))
    numbers = np.array(axis.numbers, np.float64)
    title = f"{name} ({axis.unit})" if axis.unit else name
    look: dict[str, Any] = {"title": title, "labelOverlap": "greedy", "labelSeparation": 6, "grid": False}
    look |= {"formatType": "plain", "format": ""}
    if axis.is_log:
        look["values"] = [float(tick) for tick in log_ticks(numbers)]
    elif len(numbers) <= _TICKS_MAX:
        look["values"] = numbers.tolist()
    kind: dict[str, Any] = {"type": "log"} if axis.is_log else {"type": "linear", "zero": False}
    return alt.X("x:Q", scale=alt.Scale(nice=False, padding=14, **kind), axis=alt.Axis(**look))
