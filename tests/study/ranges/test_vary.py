"""The grammar of `--vary`."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.errors import ScenarioError
from sim.study.ranges.vary import POINTS_MAX, Range, read_vary, search_axis, sweep_axes


def axis_of(text: str):
    """Return the axis of a sweep over one field."""
    (axis,) = sweep_axes(read_vary({"a.field": text}))
    return axis


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("1,2,5", [1, 2, 5]),
        ("0..3", [0, 1, 2, 3]),
        ("10..30:10", [10, 20, 30]),
        ("10..35:10", [10, 20, 30]),
        ("1..3,10", [1, 2, 3, 10]),
        ("200 Mbit/s, 1 Gbit/s", ["200 Mbit/s", "1 Gbit/s"]),
        ("100 Mbit/s..0.3 Gbit/s:100 Mbit/s", ["100 Mbit/s", "200 Mbit/s", "300 Mbit/s"]),
        ("1 %..3 %:1 %", ["1 %", "2 %", "3 %"]),
        ("0.1..0.3:0.1", [0.1, 0.2, 0.3]),
        ("1..2:0.5", [1.0, 1.5, 2.0]),
        ("1..100:log 3", [1, 10, 100]),
        ("1..4:log 5", [1, 2, 3, 4]),
        ("1 MiB..4 MiB:log 3", ["1 MiB", "2 MiB", "4 MiB"]),
        ("[2, 6], [1]", [[2, 6], [1]]),
        ("{constant: 5 s}, {uniform: {low: 1 s, high: 2 s}}", None),
        ("true,false", [True, False]),
        ("'22:00','23:00'", ["22:00", "23:00"]),
        ("5..5", [5]),
    ],
)
def test_axis__has_the_values_that_the_text_says(text, values):
    """Lists, ranges with steps and ratios, and values with commas inside are told apart."""
    found = list(axis_of(text).values)

    if values is None:
        assert found == [{"constant": "5 s"}, {"uniform": {"low": "1 s", "high": "2 s"}}]
    else:
        assert found == values


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "empty value"),
        ("1,,2", "empty value"),
        ("5..0", "is reversed: '5' is more than '0'"),
        ("2 h..90 min:1 min", "is reversed"),
        ("1..2 h:1 h", "from a whole number to a duration; write the unit at both ends"),
        ("1 h..2 MiB:1 h", "from a duration to a size"),
        ("1 h..2 h:1 MiB", "step of another kind"),
        ("1..5:0", "must be more than 0"),
        ("1 h..2 h", "needs a step"),
        ("0.1..0.9", "needs a step"),
        ("1..9:log", "needs a step"),
        ("0..9:log 3", "can't have equal ratios from 0"),
        ("1..9:log 1", "at least two values"),
        ("a..b", "neither a number nor a quantity"),
        ("0..1:0.0000001", "values; at most"),
        ("1..9:log 999999", "values; at most"),
        ("0..999999999", "points; at most"),
    ],
)
def test_axis__what_is_wrong_is_named_with_the_field(text, part):
    """A range that can't be meant is refused before anything is run."""
    with pytest.raises(ScenarioError) as caught:
        axis_of(text)

    assert str(caught.value).startswith("a.field: ")
    assert part in str(caught.value)


def test_read__all_problems_are_named_at_once():
    """Two bad fields are two problems, not one after the other."""
    with pytest.raises(ScenarioError) as caught:
        read_vary({"a": "5..1", "b": "x..y", "c": "1,2"})

    assert [problem.path for problem in caught.value.problems] == ["a", "b"]


def test_read__pairs_are_what_the_command_line_gives():
    """PATH=VALUES may be given as text; the values may have signs of equality in them."""
    first, second = read_vary(["platform.max_processing=1,2", " b = '>=3' "])

    assert (first.path, first.items) == ("platform.max_processing", (1, 2))
    assert (second.path, second.items) == ("b", (">=3",))


@pytest.mark.parametrize(
    ("texts", "part"),
    [
        (["a"], "no PATH=VALUES"),
        (["=5"], "no PATH=VALUES"),
        (["a=1", "a=2"], "varies already"),
        ([], "nothing varies"),
    ],
)
def test_read__pairs_that_are_none_are_refused(texts, part):
    """A forgotten sign, a field twice, and nothing at all are named."""
    with pytest.raises(ScenarioError, match=part):
        read_vary(texts)


def test_read__python_values_are_taken_as_they_are():
    """A program gives lists and ranges; NumPy's numbers become Python's, which files know."""
    import numpy as np

    (axis,) = sweep_axes(read_vary({"a": np.arange(3)}))

    assert axis.values == [0, 1, 2]
    assert all(type(value) is int for value in axis.values)


def test_axis__numbers_are_in_the_first_unit():
    """A figure shows mixed units on one scale."""
    axis = axis_of("200 Mbit/s,500 Mbit/s,1 Gbit/s")

    assert axis.numbers == [200, 500, 1000]
    assert axis.title == "a.field (Mbit/s)"


def test_axis__values_of_several_kinds_are_categories():
    """What can't be ordered gets no numbers."""
    assert axis_of("full,equal").numbers is None
    assert axis_of("1 h,2 MiB").numbers is None
    assert axis_of("true,false").numbers is None


def test_axis__a_wide_range_is_shown_by_ratios():
    """From a factor of twenty on, differences would squeeze most values together."""
    assert axis_of("50..20000:50").is_log
    assert not axis_of("50..500:50").is_log
    assert not axis_of("0..500:50").is_log


def test_search__a_range_without_a_step_gets_candidates_one_per_cent_apart():
    """Whoever searches a bandwidth need not say how finely."""
    (vary,) = read_vary({"a": "200 Mbit/s..2 Gbit/s"})

    axis = search_axis(vary)

    numbers = list(axis.numbers)
    assert (axis.values[0], axis.values[-1]) == ("200 Mbit/s", "2000 Mbit/s")
    assert numbers == sorted(set(numbers))
    assert max(b / a for a, b in itertools.pairwise(numbers)) < 1.0102


def test_search__from_zero_on_there_are_a_hundred_steps():
    """Ratios from 0 don't exist, so differences it is."""
    (vary,) = read_vary({"a": "0 %..5 %"})

    assert search_axis(vary).values[:3] == ["0 %", "0.05 %", "0.1 %"]
    assert len(search_axis(vary).values) == 101


def test_search__whole_numbers_are_not_written_out():
    """A range of a billion values costs nothing."""
    (vary,) = read_vary({"a": "1..1000000000"})

    assert search_axis(vary).values == range(1, 10**9 + 1)


@pytest.mark.parametrize(("text", "part"), [("5", "a single value"), ("3,1,2", "does not ascend")])
def test_search__needs_ascending_values(text, part):
    """Bisection halves an ordered list, and one value is none."""
    (vary,) = read_vary({"a": text})

    with pytest.raises(ScenarioError, match=part):
        search_axis(vary)


@given(st.integers(1, 1000), st.integers(1, 1000), st.floats(0, 1))
def test_at__positions_stay_inside_the_range(low, width, position):
    """A position from 0 to 1 is always a value of the range."""
    for text in (f"{low}..{low + width}", f"{low}..{low + width}:log", f"{low} s..{low + width} s"):
        (vary,) = read_vary({"a": text})
        value = vary.at(position)
        number = float(str(value).removesuffix(" s"))
        assert low <= number <= low + width


def test_at__a_list_and_whole_numbers_have_equal_parts():
    """Values of a list, and whole ones, are equally probable."""
    positions = [i / 1000 for i in range(1000)]
    for text, n in (("a,b,c,d", 4), ("0..3", 4), ("1 min..10 min:3 min", 4)):
        (vary,) = read_vary({"a": text})
        counts = {}
        for position in positions:
            counts[str(vary.at(position))] = counts.get(str(vary.at(position)), 0) + 1
        assert list(counts.values()) == [1000 // n] * n


def test_range__its_length_is_the_number_of_its_values():
    """What is promised before is what comes."""
    for text in ("0..7", "0..7:2", "1 s..9 s:2 s", "1..1000:log 4"):
        (vary,) = read_vary({"a": text})
        assert isinstance(vary.items[0], Range)
        assert len(vary.items[0]) == len(vary.items[0].values())
    assert POINTS_MAX >= 10_000


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("1 min..1440 min:log 5", ["1 min", "6 min", "38 min", "234 min", "1440 min"]),
        ("1 min..4 min:log 9", ["1 min", "2 min", "3 min", "4 min"]),
        ("1 h..2 h:log 3", ["1 h", "1.416666667 h", "2 h"]),
    ],
)
def test_axis__retry_intervals_are_whole_minutes(text, values):
    """The vendor takes no other; a value between the ends is the nearest one, and no value comes twice."""
    (axis,) = sweep_axes(read_vary({"campaign.task_policy.retry_interval": text}))

    assert list(axis.values) == values


def test_search__retry_intervals_are_whole_minutes(tiny):
    """Whatever a search or a sensitivity looks at, the scenario takes."""
    path = "campaign.task_policy.retry_interval"
    (vary,) = read_vary({path: "1 min..24 h"})
    sampled = [vary.at(i / 50) for i in range(51)]

    for value in [*search_axis(vary).values[::40], *sampled]:
        tiny.with_values({path: value})


def test_read__selectors_may_hold_the_sign_between_path_and_values():
    """The first `=` outside of brackets ends the path."""
    (vary,) = read_vary(["fleet.cohorts[region=north].link_rate = 1 Mbit/s, 2 Mbit/s"])

    assert vary.path == "fleet.cohorts[region=north].link_rate"
    assert vary.items == ("1 Mbit/s", "2 Mbit/s")


def test_read__ends_of_paths_are_completed(tiny):
    """With a scenario, the end of a path is enough; answers name the whole path."""
    (vary,) = read_vary(["max_processing=5..9"], tiny)

    assert vary.path == "platform.max_processing"


@pytest.mark.parametrize(
    ("texts", "part"),
    [
        (["max_procesing=5..9"], "did you mean 'platform.max_processing'"),
        (["max_processing=5..9", "platform.max_processing=1,2"], "varies already"),
    ],
)
def test_read__ends_of_paths_are_refused(tiny, texts, part):
    """An end that no path has is refused with the nearest; so are two ends of one path."""
    with pytest.raises(ScenarioError, match=part):
        read_vary(texts, tiny)
