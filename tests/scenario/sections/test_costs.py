"""Costs: amounts with a currency, all in the same one."""

from collections.abc import Callable

import pytest

from sim.scenario import parse_scenario


def test_costs__are_amounts_in_one_currency(base: str) -> None:
    """Prices keep their amounts; what is not given costs nothing."""
    costs = parse_scenario(base + "costs: {per_gb: 0.09 EUR, per_visit: 80 EUR}\n").costs
    assert costs is not None
    assert (costs.currency, costs.amount("per_gb"), costs.amount("per_day")) == ("EUR", 0.09, 0.0)


def test_costs__are_part_of_what_a_scenario_says(base: str) -> None:
    """Other costs make another scenario, and none leave the digest as it was."""
    digests = {
        parse_scenario(base + text).digest
        for text in ("", "costs: {per_day: 1 EUR}", "costs: {per_day: 2 EUR}")
    }
    assert len(digests) == 3
    assert parse_scenario(base).currency == ""


FAULTS = {
    "costs: {per_gb: 0.09}": (
        "7:17: costs.per_gb: 0.09 has no currency; write an amount and a currency, like '0.09 EUR'"
    ),
    "costs: {per_gb: cheap}": (
        "7:17: costs.per_gb: 'cheap' is no amount of money; write an amount and a currency, like '0.09 EUR'"
    ),
    "costs: {per_gb: 1 EUR/GB}": (
        "7:17: costs.per_gb: '1 EUR/GB': 'EUR/GB' is no currency; write an amount and a currency, like "
        "'0.09 EUR'"
    ),
    "costs: {per_gb: -1 EUR}": "7:17: costs.per_gb: '-1 EUR' is negative; a cost is at least 0",
    "costs: {per_gb: 1 EUR, per_day: 2 USD}": (
        "7:33: costs.per_day: is in USD, but per_gb in EUR; all costs are in one currency"
    ),
    "costs: {}": "7:1: costs: names no cost; give some of per_gb, per_attempt, per_visit, per_day",
    "expect: {cost: '<= 5 EUR'}": (
        "7:10: expect.cost: the scenario says nothing of costs; add a section, like "
        "'costs: {per_visit: 80 EUR}'"
    ),
    "costs: {per_day: 2 USD}\nexpect: {cost: '<= 5 EUR'}": (
        "8:16: expect.cost: is in EUR, but the costs are in USD"
    ),
    "costs: {per_day: 2 USD}\nexpect: {cost: '<= 5'}": (
        "8:16: expect.cost: '5' has no currency; write an amount and a currency, like '0.09 EUR'"
    ),
}


@pytest.mark.parametrize("text", FAULTS)
def test_costs__refuses(text: str, base: str, complaints: Callable[[str], list[str]]) -> None:
    """An amount without a currency, two currencies, and a bound on what is not paid for are refused."""
    assert complaints(f"{base}{text}\n") == [f"x.yaml:{FAULTS[text]}"]
