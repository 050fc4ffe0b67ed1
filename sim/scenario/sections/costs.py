"""`costs`: what a campaign costs, by what it uses."""

from collections.abc import Iterator
from typing import Final

from pydantic import Field

from sim.scenario.section import Fault, Part, rule
from sim.scenario.values import Price

PAID_FOR: Final = {"per_gb": "traffic", "per_attempt": "attempts", "per_visit": "visits", "per_day": "days"}
"""What each price pays for; metrics of a run are called so, with `cost_` before it."""


class Costs(Part):
    """What is paid for; all in one currency, which is a word behind each amount."""

    per_gb: Price | None = Field(
        default=None,
        description="For each GB (10^9 bytes) that devices download, those of failed attempts too.",
    )
    per_attempt: Price | None = Field(default=None, description="For each attempt, retries included.")
    per_visit: Price | None = Field(
        default=None, description="For each device that did not succeed, to which somebody has to go."
    )
    per_day: Price | None = Field(
        default=None,
        description="For each day until the last device has settled, or until the run ends; parts of a day "
        "count as parts.",
    )

    @property
    def given(self) -> dict[str, Price]:
        """The prices that are given, in the order above."""
        prices = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: price for name, price in prices.items() if price is not None}

    @property
    def currency(self) -> str:
        """The currency of all prices."""
        return next(iter(self.given.values())).currency

    def amount(self, name: str) -> float:
        """Return one price without its currency; 0 if it is not given."""
        price = self.given.get(name)
        return 0.0 if price is None else price.amount

    @rule
    def _is_given(self) -> Iterator[Fault]:
        if not self.given:
            yield Fault((), f"names no cost; give some of {', '.join(type(self).model_fields)}")

    @rule
    def _is_in_one_currency(self) -> Iterator[Fault]:
        given = list(self.given.items())
        for name, price in given[1:]:
            first, other = given[0]
            if price.currency != other.currency:
                both = f"is in {price.currency}, but {first} in {other.currency}"
                yield Fault((name,), f"{both}; all costs are in one currency")
