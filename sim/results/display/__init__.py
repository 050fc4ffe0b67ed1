"""A run in words: the terminal's summary, a notebook's view, `summary.json`."""
