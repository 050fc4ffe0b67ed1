"""The grammar of quantities: what is read, what is refused, and that a units library agrees."""

import math
from collections.abc import Callable
from contextlib import suppress

import pint
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim import units

DAY = 86_400

DURATION_UNITS = "(units: ms, s, min, h, d)"
SIZE_UNITS = "(units: B, kB, MB, GB, TB, KiB, MiB, GiB, TiB)"
RATE_UNITS = "(units: bit/s, kbit/s, Mbit/s, Gbit/s, B/s, kB/s, MB/s, GB/s, TB/s, KiB/s, MiB/s, GiB/s, TiB/s)"

registry = pint.UnitRegistry()


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90 s", 90.0),
        ("90s", 90.0),
        ("  90   s ", 90.0),
        ("250 ms", 0.25),
        ("15 min", 900.0),
        ("0.1 h", 360.0),
        (".5 h", 1800.0),
        ("1e3 s", 1000.0),
        ("25 h", 90_000.0),
        ("30 d", 2_592_000.0),
        ("0 s", 0.0),
        ("2h30m", 9000.0),
        ("2 h 30 min", 9000.0),
        ("1 d 12 h", 129_600.0),
        ("1d2h3min4s5ms", 93_784.005),
    ],
)
def test_parse_duration__reads(text: str, seconds: float) -> None:
    """Numbers with a unit, and several of them from the longest unit to the shortest, are seconds."""
    assert units.parse_duration(text) == seconds


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (90, f"90 has no unit; write a number and a unit, like '90 s' {DURATION_UNITS}"),
        (0, f"0 has no unit; write a number and a unit, like '90 s' {DURATION_UNITS}"),
        ("90", f"'90' has no unit; write a number and a unit, like '90 s' {DURATION_UNITS}"),
        ("15 mins", f"'15 mins': 'mins' is no unit of a duration; did you mean 'min'? {DURATION_UNITS}"),
        ("2 hours", f"'2 hours': 'hours' is no unit of a duration; did you mean 'h'? {DURATION_UNITS}"),
        ("15 m", f"'15 m': 'm' is no unit of a duration; did you mean 'min'? {DURATION_UNITS}"),
        ("5 Min", f"'5 Min': 'Min' is no unit of a duration; did you mean 'min'? {DURATION_UNITS}"),
        (
            "1 month",
            "'1 month': 'month' is no unit of a duration; write a number and a unit, like '90 s' "
            + DURATION_UNITS,
        ),
        ("2h30", f"'2h30': 30 has no unit; write a number and a unit, like '90 s' {DURATION_UNITS}"),
        ("30m2h", "'30m2h' must go from the longest unit to the shortest, like '1 d 12 h'"),
        ("1 h 1 h", "'1 h 1 h' must go from the longest unit to the shortest, like '1 d 12 h'"),
        ("-5 s", "'-5 s' is negative; a duration is at least 0"),
        ("1e999 s", "'1e999 s' is too large"),
        ("soon", f"'soon' is no duration; write a number and a unit, like '90 s' {DURATION_UNITS}"),
        ("", f"'' is no duration; write a number and a unit, like '90 s' {DURATION_UNITS}"),
        (None, f"nothing is no duration; write a number and a unit, like '90 s' {DURATION_UNITS}"),
        (True, f"true is no duration; write a number and a unit, like '90 s' {DURATION_UNITS}"),
        (["1 s"], f"a list is no duration; write a number and a unit, like '90 s' {DURATION_UNITS}"),
        ({}, f"a mapping is no duration; write a number and a unit, like '90 s' {DURATION_UNITS}"),
    ],
)
def test_parse_duration__refuses(value: object, message: str) -> None:
    """What is no duration is refused with what was given, what was probably meant, and the units."""
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole message is compared
        units.parse_duration(value)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("text", "size_bytes"),
    [("12 MiB", 12_582_912), ("1 kB", 1000), ("1.5 KiB", 1536), ("2 GB", 2_000_000_000), ("7 B", 7)],
)
def test_parse_size__reads(text: str, size_bytes: int) -> None:
    """Decimal and binary units are told apart."""
    size = units.parse_size(text)
    assert (size, type(size)) == (size_bytes, int)


def test_parse_size__rounds_to_whole_bytes() -> None:
    """A fraction of a byte is rounded to the nearest whole one."""
    assert units.parse_size("1.1 MiB") == 1_153_434


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("5 mb", f"'5 mb': 'mb' is no unit of a size; did you mean 'MB'? {SIZE_UNITS}"),
        ("5 KB", f"'5 KB': 'KB' is no unit of a size; did you mean 'kB'? {SIZE_UNITS}"),
        (
            "3 Mbit",
            f"'3 Mbit': 'Mbit' is no unit of a size; write a number and a unit, like '12 MiB' {SIZE_UNITS}",
        ),
        (4096, f"4096 has no unit; write a number and a unit, like '12 MiB' {SIZE_UNITS}"),
        ("-1 B", "'-1 B' is negative; a size is at least 0"),
    ],
)
def test_parse_size__refuses(value: object, message: str) -> None:
    """What is no size is refused with the units."""
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole message is compared
        units.parse_size(value)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("text", "rate_bytes_per_s"),
    [
        ("8 bit/s", 1.0),
        ("60 kbit/s", 7500.0),
        ("8 Mbit/s", 1e6),
        ("1 Gbit/s", 1.25e8),
        ("2 MiB/s", 2_097_152.0),
        ("3 kB/s", 3000.0),
    ],
)
def test_parse_rate__reads(text: str, rate_bytes_per_s: float) -> None:
    """Bits and bytes per second are told apart; the result is bytes per second."""
    assert units.parse_rate(text) == rate_bytes_per_s


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("8 Mbps", f"'8 Mbps': 'Mbps' is no unit of a rate; did you mean 'Mbit/s'? {RATE_UNITS}"),
        ("8 mbit/s", f"'8 mbit/s': 'mbit/s' is no unit of a rate; did you mean 'Mbit/s'? {RATE_UNITS}"),
        (8, f"8 has no unit; write a number and a unit, like '8 Mbit/s' {RATE_UNITS}"),
    ],
)
def test_parse_rate__refuses(value: object, message: str) -> None:
    """What is no rate is refused with the units, and with the one that was probably meant."""
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole message is compared
        units.parse_rate(value)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("text", "per_second"),
    [("100 /s", 100.0), ("100/s", 100.0), ("6000 /min", 100.0), ("90 /h", 0.025), ("216 /d", 0.0025)],
)
def test_parse_frequency__reads(text: str, per_second: float) -> None:
    """Frequencies come per second, minute, hour or day."""
    assert units.parse_frequency(text) == per_second


@pytest.mark.parametrize(("text", "meant"), [("250 /day", "/d"), ("2 /hour", "/h"), ("5 /m", "/min")])
def test_parse_frequency__asks_for_a_unit_that_was_probably_meant(text: str, meant: str) -> None:
    """Longer words for a unit are refused with the unit."""
    with pytest.raises(ValueError, match=f"did you mean '{meant}'"):
        units.parse_frequency(text)


@pytest.mark.parametrize(
    ("per_second", "text"),
    [
        (100.0, "100 /s"),
        (1.0, "1 /s"),
        (0.5, "30 /min"),
        (1 / 3600, "1 /h"),
        (250 / 86_400, "250 /d"),
        (250.5 / 86_400, "10.4 /h"),
        (100.5, "100 /s"),
        (6 / 86_400, "6 /d"),
        (0.0, "0 /d"),
        (24 * float(units.parse_frequency("1 /d")), "1 /h"),
    ],
)
def test_format_frequency__writes(per_second: float, text: str) -> None:
    """A frequency is written in the unit that makes it whole, else in the one in which it is at least 1."""
    assert units.format_frequency(per_second) == text
    assert units.parse_frequency(text) == pytest.approx(per_second, rel=5e-3)


def test_parse_frequency__refuses() -> None:
    """Hertz is no unit here, and the message lists those that are."""
    with pytest.raises(
        ValueError, match=r"'5 Hz': 'Hz' is no unit of a frequency; .* \(units: /s, /min, /h, /d\)"
    ):
        units.parse_frequency("5 Hz")


@pytest.mark.parametrize(
    ("value", "share"),
    [
        ("3 %", 0.03),
        ("3%", 0.03),
        (0.03, 0.03),
        ("0.03", 0.03),
        (0, 0.0),
        (1, 1.0),
        ("100 %", 1.0),
        (1e-5, 1e-5),
    ],
)
def test_parse_share__reads(value: object, share: float) -> None:
    """A share is a number from 0 to 1 or a percentage."""
    assert units.parse_share(value) == share


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (3, "3 is more than 1 (100 %); did you mean '3 %'?"),
        (1.5, "1.5 is more than 1 (100 %); did you mean '1.5 %'?"),
        ("150 %", "'150 %' is more than 1 (100 %)"),
        (1000, "1000 is more than 1 (100 %)"),
        (-0.1, "-0.1 is negative; write a number from 0 to 1, or a percentage like '3 %'"),
        (True, "true is no share; write a number from 0 to 1, or a percentage like '3 %'"),
        (None, "nothing is no share; write a number from 0 to 1, or a percentage like '3 %'"),
        (math.nan, "nan is no share; write a number from 0 to 1, or a percentage like '3 %'"),
        (math.inf, "inf is no share; write a number from 0 to 1, or a percentage like '3 %'"),
        ("3 s", "'3 s' is no share; write a number from 0 to 1, or a percentage like '3 %'"),
    ],
)
def test_parse_share__refuses(value: object, message: str) -> None:
    """What is no share, or none between 0 and 1, is refused, with the percentage that was meant."""
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole message is compared
        units.parse_share(value)
    assert str(caught.value) == message


NUMBERS = st.one_of(
    st.integers(0, 10**9).map(str),
    st.decimals(0, 10**6, places=3, allow_nan=False).map(str),
    st.tuples(st.integers(0, 999), st.integers(-6, 6)).map(lambda pair: f"{pair[0]}e{pair[1]}"),
)
# Each kind with the target in the oracle's words, and what the oracle calls a unit otherwise.
KINDS: list[tuple[Callable[[object], float], str, dict[str, str]]] = [
    (units.parse_duration, "second", {"ms": "ms", "s": "s", "min": "min", "h": "h", "d": "d"}),
    (
        units.parse_rate,
        "byte / second",
        {
            name: name
            for name in ("bit/s", "kbit/s", "Mbit/s", "Gbit/s", "B/s", "kB/s", "MB/s", "KiB/s", "GiB/s")
        },
    ),
    (units.parse_frequency, "1 / second", {"/s": "1/s", "/min": "1/min", "/h": "1/hour", "/d": "1/day"}),
]


@given(data=st.data(), number=NUMBERS, space=st.sampled_from(["", " "]))
@pytest.mark.parametrize(("parse", "target", "spellings"), KINDS)
def test_parsers__agree_with_a_units_library(
    parse: Callable[[object], float],
    target: str,
    spellings: dict[str, str],
    data: st.DataObject,
    number: str,
    space: str,
) -> None:
    """Whatever number stands before a unit, the result is what an independent library computes."""
    unit, oracle_unit = data.draw(st.sampled_from(sorted(spellings.items())))
    expected = registry.Quantity(float(number), oracle_unit).to(target).magnitude
    assert parse(f"{number}{space}{unit}") == pytest.approx(expected, rel=1e-12, abs=1e-300)


@given(number=st.integers(0, 10**6), unit=st.sampled_from(["B", "kB", "MB", "GB", "KiB", "MiB", "GiB"]))
def test_parse_size__agrees_with_a_units_library(number: int, unit: str) -> None:
    """Sizes are exact, to the byte."""
    assert units.parse_size(f"{number} {unit}") == registry.Quantity(number, unit).to("byte").magnitude


@given(terms=st.tuples(*(st.integers(0, 99) for _ in range(5))))
def test_parse_duration__adds_terms(terms: tuple[int, ...]) -> None:
    """A compound duration is the sum of its terms."""
    names = ("d", "h", "min", "s", "ms")
    text = " ".join(f"{count} {name}" for count, name in zip(terms, names, strict=True))
    single = [units.parse_duration(f"{count} {name}") for count, name in zip(terms, names, strict=True)]
    assert units.parse_duration(text) == pytest.approx(sum(single), rel=1e-15)


@given(text=st.text())
def test_parsers__answer_any_text_with_a_number_or_a_message(text: str) -> None:
    """No text makes a parser raise anything but ValueError, or return anything but a number >= 0."""
    for parse in (
        units.parse_duration,
        units.parse_size,
        units.parse_rate,
        units.parse_frequency,
        units.parse_share,
    ):
        with suppress(ValueError):
            assert parse(text) >= 0


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (0.0025, "2.5 ms"),
        (0.9999, "1000 ms"),
        (90, "90 s"),
        (3600, "1 h"),
        (9000, "2 h 30 min"),
        (129_605, "1 d 12 h"),
        (7 * 86_400, "7 d"),
    ],
)
def test_format_duration__is_how_one_writes_it(seconds: float, text: str) -> None:
    """A duration is shown in one or two units."""
    assert units.format_duration(seconds) == text


@pytest.mark.parametrize(
    ("size_bytes", "text"), [(0, "0 B"), (1536, "1.5 KiB"), (12 * 2**20, "12 MiB"), (1e9, "954 MiB")]
)
def test_format_size__uses_binary_units(size_bytes: float, text: str) -> None:
    """A size is shown to three digits."""
    assert units.format_size(size_bytes) == text


@pytest.mark.parametrize(
    ("rate", "text"), [(5, "40 bit/s"), (7500, "60 kbit/s"), (1e6, "8 Mbit/s"), (1.25e12, "10000 Gbit/s")]
)
def test_format_rate__uses_bits(rate: float, text: str) -> None:
    """A rate is shown in bits per second, to three digits."""
    assert units.format_rate(rate) == text


@given(seconds=st.floats(0, 1e9))
def test_format_duration__reads_back(seconds: float) -> None:
    """What is shown is read back as nearly the same duration: off by less than the smaller unit shown."""
    assert units.parse_duration(units.format_duration(seconds)) == pytest.approx(seconds, rel=0.05, abs=1e-6)


@pytest.mark.parametrize(
    ("value", "text"),
    [("x" * 70, f"'{'x' * 55}...'"), (None, "nothing"), (True, "true"), ((1, 2), "a list"), (1.5, "1.5")],
)
def test_shown__is_short_and_in_yaml_words(value: object, text: str) -> None:
    """Values are quoted in messages as the file has them, and never longer than a line."""
    assert units.shown(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (5 * DAY + 3 * 3600 + 12 * 60 + 40, "5 d 3 h 12 min"),
        (DAY + 20 * 60 + 5, "1 d 20 min"),
        (DAY, "1 d"),
        (DAY - 1, "23 h 59 min"),
        (12 * DAY + 3 * 3600 + 59 * 60, "12 d 3 h"),
    ],
)
def test_format_duration__days_keep_their_minutes(seconds, text):
    """Two makespans of some days can be told apart; of many days the hours are enough."""
    assert units.format_duration(seconds) == text
