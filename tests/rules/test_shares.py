"""Shares as fractions, and the counts that they allow."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.rules import allowed_count, exact_share, needed_count
from sim.rules.shares import COUNTED_MAX


@given(st.integers(0, 10**6), st.integers(0, 200_000))
def test_share__allows_what_its_decimal_allows(millionths, of):
    """Whatever the decimal, counts are judged as with its exact value."""
    decimal = Decimal(millionths) / 10**6
    share = exact_share(float(decimal))

    assert share == Fraction(decimal)
    allowed, needed = allowed_count(share, of), needed_count(share, of)
    assert allowed <= Fraction(decimal) * of < allowed + 1
    assert needed - 1 < Fraction(decimal) * of <= needed


@pytest.mark.parametrize(
    ("percent", "of", "allowed"), [(29, 100, 29), (57, 100, 57), (7, 300, 21), (0, 5, 0)]
)
def test_share__of_exactly_so_many_is_allowed(percent, of, allowed):
    """The products that floats get wrong: 0.29 * 100 is less than 29, 0.07 * 300 is more than 21."""
    share = exact_share(percent / 100)

    assert (allowed_count(share, of), needed_count(share, of)) == (allowed, allowed)


@given(st.integers(1, 10**7), st.data())
def test_share__a_quotient_of_counts_is_that_quotient(of, data):
    """A float that somebody divided, like 1 / 3, allows exactly the counts that it was divided from."""
    count = data.draw(st.integers(0, of))

    assert exact_share(count / of) == Fraction(count, of)


@given(st.floats(0, 1))
def test_share__nothing_countable_lies_between_it_and_its_fraction(share):
    """The fraction fits into counts, and no count's share is between it and the decimal that was written."""
    found, written = exact_share(share), Fraction(repr(share))

    assert found.denominator <= COUNTED_MAX
    if float(found) != share:
        assert found < written
        for of in (COUNTED_MAX, COUNTED_MAX - 1, found.denominator, 10**6, 97):
            assert allowed_count(found, of) == written.numerator * of // written.denominator
