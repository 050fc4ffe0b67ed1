"""Sessions and APIs over a small fleet, closed when the test is over."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sim.emulator.clock import VirtualClock
from sim.emulator.session import Session
from sim.emulator.state_folder import open_session
from sim.emulator.world import LAST_TICK
from sim.scenario import Scenario
from support.emulator import Api, scenario_of


@pytest.fixture
def make_session(tmp_path: Path) -> Callable[..., Session]:
    """Return what opens a session in a folder, by default a new one."""
    count = iter(range(1000))

    def make(scenario: Scenario | None = None, folder: Path | None = None, **options: Any) -> Session:
        if folder is None:
            folder = tmp_path / f"state{next(count)}"
            folder.mkdir()
            scenario = scenario or scenario_of()
        clock = options.pop("clock", None) or VirtualClock("manual", limit_ticks=LAST_TICK)
        return open_session(folder, clock, scenario=scenario, **options)

    return make


@pytest.fixture
def make_api(make_session: Callable[..., Session]) -> Iterator[Callable[..., Api]]:
    """Return what makes an API over a new session of a scenario."""
    made: list[Api] = []

    def make(scenario: Scenario | None = None, *, session: Session | None = None, **options: Any) -> Api:
        made.append(Api(session or make_session(scenario), **options))
        return made[-1]

    yield make
    for api in made:
        api.close()


@pytest.fixture
def api(make_api: Callable[..., Api]) -> Api:
    """Return an API over the small fleet."""
    return make_api()


@pytest.fixture(scope="module")
def shared_api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """Return an API over the small fleet for tests that change nothing, and say so."""
    clock = VirtualClock("manual", limit_ticks=LAST_TICK)
    shared = Api(open_session(tmp_path_factory.mktemp("shared"), clock, scenario=scenario_of()))
    yield shared
    shared.close()
