"""What limits a campaign (`campaign`); one device's story, attempt by attempt, and what would have saved it.

Decisions:
- *A story is a timeline* (`sim.traces`), told in words and drawn.
- *What would have saved it is tried, not guessed* (`counterfactuals`): the campaign is run again under the
  same draws, with one thing changed, from the mildest change to the strongest.
- *The picture is a waterfall, a row a step*, instead of one line of coloured bars: a query of two
  seconds stands beside a wait of a day and both can be read.
"""

from sim.explain.campaign import Eased, Limits, limits
from sim.explain.counterfactuals import Rescue
from sim.explain.run import Explanation, explain
from sim.traces.steps import Doing, Step
from sim.traces.timeline import AttemptStory, Timeline

__all__ = [
    "AttemptStory",
    "Doing",
    "Eased",
    "Explanation",
    "Limits",
    "Rescue",
    "Step",
    "Timeline",
    "explain",
    "limits",
]
