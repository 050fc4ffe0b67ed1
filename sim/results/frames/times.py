"""Seconds in frames as durations or as dates, and lengths of time that people give in Python."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from sim.errors import Problem, ScenarioError
from sim.scenario.arguments import choice_problems, is_number
from sim.scenario.values import DURATION_S_MAX
from sim.units import parse_duration, shown

if TYPE_CHECKING:
    import pandas as pd

    from sim.fleet.spec import Floats

Times = Literal["seconds", "timedelta", "dates"]
"""How a frame says times."""

TIMES: Final = ("seconds", "timedelta", "dates")

_LENGTHS: Final = frozenset({("recovery", "time_s"), ("held_up", "device_time_s")})
"""Columns that hold lengths of time, instead of times since the start of the run."""


def check_times(times: object) -> None:
    """Refuse what is no way to say times.

    Raises:
        ScenarioError: It is none of `TIMES`.
    """
    problems = choice_problems("times", times, TIMES)
    if problems:
        raise ScenarioError(problems)


def with_times(frame: pd.DataFrame, name: str, times: Times, start: datetime) -> pd.DataFrame:
    """Return a frame that says times another way, in columns without `_s`.

    Args:
        frame: The frame. Read only.
        name: Name of its table.
        times: `seconds` leaves it as it is; `timedelta`: time since the start; `dates`: date and time in UTC.
        start: Date and time at which the simulated time is 0.
    """
    if times == "seconds":
        return frame
    columns: dict[str, Any] = {}
    for column in frame.columns:
        if not column.endswith("_s"):
            columns[column] = frame[column]
            continue
        is_length = (name, column) in _LENGTHS
        values = times_of(frame[column].to_numpy(np.float64), "timedelta" if is_length else times, start)
        columns[column.removesuffix("_s")] = values
    return type(frame)(columns, index=frame.index)


def times_of(seconds: Floats, times: Times, start: datetime) -> pd.Index:
    """Return times another way, to the microsecond.

    Args:
        seconds: (n,) float64, since the start of the run; NaN where a time never came.
        times: One of `TIMES`.
        start: Date and time at which the simulated time is 0.
    """
    import pandas as pd

    if times == "seconds":
        return pd.Index(seconds)
    micros = np.where(np.isnan(seconds), 0.0, np.rint(seconds * 1e6)).astype("timedelta64[us]")
    micros[np.isnan(seconds)] = np.timedelta64("NaT")
    lengths = pd.TimedeltaIndex(micros)
    return lengths if times == "timedelta" else lengths + pd.Timestamp(start)


def length_s(name: str, given: object) -> float:
    """Return a length of time in seconds.

    Args:
        name: Of the argument.
        given: Text as a scenario has it or as pandas reads it (`30 min`, `1h`), a `timedelta`, or a number
            of seconds, which is how frames count time.

    Raises:
        ScenarioError: It is none, or not more than 0.
    """
    import pandas as pd

    seconds = None
    if isinstance(given, timedelta):
        seconds = given.total_seconds()
    elif is_number(given, 0.0, DURATION_S_MAX):
        seconds = float(given)  # type: ignore[arg-type]  # a number then
    elif isinstance(given, str):
        try:
            seconds = parse_duration(given)
        except ValueError:
            try:
                seconds = pd.Timedelta(given).total_seconds()
            except ValueError:
                seconds = None
    if seconds is None or not seconds > 0:
        message = (
            f"{shown(given)} is not allowed; a length of time above 0, like '30 min', '1h' or 3600 (seconds)"
        )
        raise ScenarioError([Problem(name, message)])
    return seconds
