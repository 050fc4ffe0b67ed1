"""From the data of a campaign to the numbers of a scenario, with intervals, grades and checks.

Decisions:

- *The model's own likelihood* instead of a general survival library: none knows competing risks, interval
  censoring, devices with a tendency and links that last, together.
- *A template decides the structure*, data the numbers: a cause that nobody named can't be told from others.
"""
