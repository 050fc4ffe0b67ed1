"""The rule of automatic retries (`sim.fleet.model.retry`), compiled."""

from typing import Final

from sim.fleet.jit import inlined
from sim.fleet.model import retry
from sim.fleet.model.draws import uniform

is_retried: Final = inlined(retry.is_retried)
wait_ticks: Final = inlined(retry.waiting(uniform))
