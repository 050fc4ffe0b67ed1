"""A maker of runs by hand, as a fixture."""

from collections.abc import Callable

import pytest

from sim.campaign.record import CampaignRun
from support.runs_by_hand import run_of


@pytest.fixture(scope="session")
def make_run() -> Callable[..., CampaignRun]:
    """Return the maker of runs."""
    return run_of
