"""Figures of a run, for papers and notebooks: one style, one time axis, byte-stable."""
