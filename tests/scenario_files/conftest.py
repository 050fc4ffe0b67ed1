"""Results of the shipped scenarios."""

from support.shipped_scenarios import results

__all__ = ["results"]
