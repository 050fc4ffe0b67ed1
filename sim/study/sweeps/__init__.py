"""A grid of values, all under the same draws."""
