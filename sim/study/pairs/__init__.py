"""Two campaigns with the same devices and the same draws: what is the difference, and how sure is it?

Decisions:
- *Paired, or refused.* Replication r of both has the same draws, device by device, so that most of what
  varies cancels in the difference. With other devices or another seed nothing cancels, and an interval that
  looks narrow would be of something else.
- *The difference is the answer*, in a sentence first: how many devices more, how much earlier. Both means
  stand behind it.
"""
