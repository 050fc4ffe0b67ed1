"""Quotas and rates."""

from dataclasses import FrozenInstanceError, fields

import pytest

from sim.rules.limits import Limits, limit_source


def test_limits__documented_values():
    """The defaults are the vendor's numbers."""
    limits = Limits()
    assert limits.targets_per_task == 30_000
    assert limits.targets_per_call == 100
    assert limits.tasks_in_progress == 10
    assert limits.api_calls_per_s == 200
    assert limits.schedule_ahead_s == 604_800
    assert (limits.page_size_default, limits.page_size_max, limits.page_offset_max) == (10, 50, 500)
    assert (limits.task_name_length_max, limits.task_ext_info_length_max) == (128, 512)
    assert (limits.signature_age_s_max, limits.body_size_bytes_max) == (900, 12_582_912)


@pytest.mark.parametrize("name", [limit.name for limit in fields(Limits)])
def test_limit_source__every_limit(name):
    """Every limit says where its default comes from."""
    assert len(limit_source(name)) > 10


def test_limit_source__unknown():
    """There is no source for a limit that does not exist."""
    with pytest.raises(KeyError):
        limit_source("targets")


def test_limits__another_edition():
    """A limit can be set for another edition, but not changed under way."""
    limits = Limits(api_calls_per_s=400)
    assert limits.api_calls_per_s == 400
    with pytest.raises(FrozenInstanceError):
        limits.api_calls_per_s = 200
