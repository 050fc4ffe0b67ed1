"""Fields that vary have numeric axes where their values are numbers."""

import pytest

from sim.report.study.field_axes import axis_of, field_position, places


@pytest.mark.parametrize(
    ("values", "at", "kind", "scale"),
    [
        ([1, 2, 4], [1.0, 2.0, 4.0], "quantitative", "linear"),
        ([50, 500, 5_000], [50.0, 500.0, 5_000.0], "quantitative", "log"),
        (["1 min", "2 h", "1 d"], [1.0, 120.0, 1_440.0], "quantitative", "log"),
        (["10 Mbit/s", "20 Mbit/s", "25 Mbit/s"], [10.0, 20.0, 25.0], "quantitative", "linear"),
        (["shuffled", "file", "interleaved"], ["shuffled", "file", "interleaved"], "ordinal", None),
        ([1, 2], ["1", "2"], "ordinal", None),
    ],
)
def test_places__are_numbers_in_one_unit(values, at, kind, scale):
    """Quantities stand at their size, words and pairs beside each other."""
    axis = axis_of("part.field", values)
    position = field_position(axis).to_dict()

    assert places(axis, values) == at
    assert position["type"] == kind
    assert position.get("scale", {}).get("type") == scale


def test_field_position__names_the_unit():
    """The title has the unit, and ticks are the values if they are few."""
    axis = axis_of("campaign.task_policy.retry_interval", ["5 min", "30 min", "60 min"])
    look = field_position(axis).to_dict()["axis"]

    assert look["title"] == "retry_interval (min)"
    assert look["values"] == [5.0, 30.0, 60.0]
