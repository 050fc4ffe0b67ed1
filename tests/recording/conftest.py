"""The emulator's application over small fleets, closed when the test is over."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sim.emulator.clock import VirtualClock
from sim.emulator.state_folder import open_session
from sim.emulator.world import LAST_TICK
from support.emulator import Api, scenario_of


@pytest.fixture
def make_api(tmp_path: Path) -> Iterator[Callable[..., Api]]:
    """Return what makes an API over a new session of the small fleet, with other sections."""
    made: list[Api] = []

    def make(**sections: Any) -> Api:
        folder = tmp_path / f"state{len(made)}"
        folder.mkdir()
        clock = VirtualClock("manual", limit_ticks=LAST_TICK)
        made.append(Api(open_session(folder, clock, scenario=scenario_of(**sections))))
        return made[-1]

    yield make
    for api in made:
        api.close()


@pytest.fixture
def api(make_api: Callable[..., Api]) -> Api:
    """Return an API over the small fleet."""
    return make_api()
