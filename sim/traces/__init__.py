"""What single devices did, attempt by attempt: timelines (`timeline`), and traces of many (`trace`).

Decisions:
- *The log says when, a replay says why.* A run's attempt log has five times an attempt. What lies
  between them is found by playing the attempt again on the readable plane's own `Attempt`, with only
  the download's times taken from the log (`replay`), instead of by a third description of the model.
  A replay that ends at another tick or for another reason than the log says is a `ModelError`.
- *Who held the places is replayed too* (`place_queue`): first come, first served, with the arrivals and
  departures that log and ledger hold, instead of a log of queues that every run would have to keep.
- *Counters are made of the log* (`counter_tracks`), instead of the run's grid, which may have one line
  before everything is over; the grid fills in what the log lacks.
"""
