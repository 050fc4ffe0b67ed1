"""Numbers with units, read for ranges and written for scenario files."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.study.ranges.quantity import parse_quantity, write_quantity


@pytest.mark.parametrize(
    ("text", "value", "kind", "unit"),
    [
        ("50", 50, "whole number", ""),
        ("0.5", 0.5, "number", ""),
        ("1e3", 1000.0, "number", ""),
        ("3 %", 0.03, "share", "%"),
        ("200 Mbit/s", 25e6, "rate", "Mbit/s"),
        ("12 MiB", 12 * 2**20, "size", "MiB"),
        ("100 /s", 100.0, "frequency", "/s"),
        ("90 s", 90.0, "duration", "s"),
        ("1h30m", 5400.0, "duration", "s"),
        (" 5min ", 300.0, "duration", "min"),
    ],
)
def test_parse__reads_numbers_and_quantities(text, value, kind, unit):
    """A range's ends may be anything that a scenario file calls a number."""
    quantity = parse_quantity(text)

    assert quantity.value == pytest.approx(value)
    assert (quantity.kind, quantity.unit) == (kind, unit)


@pytest.mark.parametrize("text", ["", "fast", "5 parsecs", "10 mbit/s", "1..2"])
def test_parse__refuses_everything_else(text):
    """What is no quantity is named, with an example of one."""
    with pytest.raises(ValueError, match="neither a number nor a quantity"):
        parse_quantity(text)


@given(st.integers(1, 10**6), st.sampled_from(["s", "min", "h", "MiB", "kB", "Mbit/s", "/min", "%"]))
def test_write__reads_back_as_the_same_value(number, unit):
    """A value that is written in a unit is that value again, to ten digits."""
    if unit == "%":
        number = number % 101
    quantity = parse_quantity(f"{number} {unit}")

    again = parse_quantity(str(write_quantity(quantity.value, quantity)))

    assert again.value == pytest.approx(quantity.value, rel=1e-9)
    assert again.unit == unit


def test_write__keeps_whole_numbers_whole():
    """A count stays a count, for fields that take nothing else."""
    assert write_quantity(12.0000001, parse_quantity("3")) == 12
    assert write_quantity(0.1 + 0.2, parse_quantity("0.5")) == 0.3
