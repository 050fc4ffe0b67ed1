"""Makers of runs by hand, and a run that was stored, as fixtures."""

from collections.abc import Callable

import pytest

from sim.campaign.record import CallRecord, CampaignRun
from sim.results import RunResult
from support.runs_by_hand import call_of, result_of, run_of
from support.stored_run import folder, make_stored, result, stored

__all__ = ["folder", "make_stored", "result", "stored"]


@pytest.fixture(scope="session")
def make_run() -> Callable[..., CampaignRun]:
    """Return the maker of runs."""
    return run_of


@pytest.fixture(scope="session")
def make_call() -> Callable[..., CallRecord]:
    """Return the maker of calls."""
    return call_of


@pytest.fixture(scope="session")
def make_result() -> Callable[..., RunResult]:
    """Return the maker of results from runs."""
    return result_of
