"""Scenario files as tests: what they expect, and whether anything changed since their baseline.

Decisions:
- *A difference must be proven*, instead of exceeding a tolerance: `compare.equivalence` asks in pairs of
  replications with common random numbers. Exact baselines break on every harmless change, loose
  tolerances hide real ones, and both depend on luck.
- *The digest comes first*: a run of the same model on the same seed is equal to the last bit, so nothing
  else is computed for a clean suite. Only after a digest has moved do further replications run.
- *A baseline holds 64 replications whatever the scenario asks for*, instead of as many as it does: the
  old model can't be asked again, and with one run chance can't be told from change.
- *A baseline is one JSON file beside the scenarios*, read in reviews, instead of a binary file: an update
  asks for a reason and fails the run that makes it, so that nobody gets a new truth by accident.
- *One class judges a scenario* (`sim.testing.case`), and pytest and the command line print its answers,
  instead of two implementations that drift apart.
- *The plugin imports nothing but pytest* until it meets a scenario file: it is loaded by every pytest of
  the environment, also where nobody has scenarios.
"""
