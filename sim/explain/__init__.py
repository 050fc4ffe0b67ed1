"""What limits a campaign (`campaign`); one device's story, attempt by attempt, and what would have saved it.

Decisions:
- *The log says when, a replay says why.* A run's attempt log has five times an attempt. What lies
  between them is found by playing the attempt again on the readable plane's own `Attempt`, with only
  the download's times taken from the log (`replay`), instead of by a third description of the model.
  A replay that ends at another tick or for another reason than the log says is a `ModelError`.
- *Who held the places is replayed too* (`place_queue`): first come, first served, with the arrivals and
  departures that log and ledger hold, instead of a log of queues that every run would have to keep.
- *What would have saved it is tried, not guessed* (`counterfactuals`): the campaign is run again under the
  same draws, with one thing changed, from the mildest change to the strongest.
- *The picture is a waterfall, a row a step*, instead of one line of coloured bars: a query of two
  seconds stands beside a wait of a day and both can be read.
"""

from sim.explain.campaign import Eased, Limits, limits
from sim.explain.counterfactuals import Rescue
from sim.explain.run import Explanation, explain
from sim.explain.steps import Doing, Step
from sim.explain.timeline import AttemptStory, Timeline

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
