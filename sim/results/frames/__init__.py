"""Results as pandas frames, the same for a run in memory and for one that was read back.

Decision: frames say seconds in columns that end in `_s`, as files do, and other times on request, instead of
carrying dates from the start: the time of a run is simulated, and most questions are about durations.
"""
