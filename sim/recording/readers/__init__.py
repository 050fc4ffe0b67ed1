"""From data of each kind to the one table of attempts.

Decisions:

- *Nothing is dropped without a word*: what a reader can't use is counted by kind, with the places of the
  first ones, and a failure whose code or text is in no table stays a failure, of unknown cause.
- *Only what follows is said to be known*: a start that nobody saw is an interval, and what was guessed to
  make sense of the data is noted.
"""
