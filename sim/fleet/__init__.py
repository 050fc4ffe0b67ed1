"""The device plane: every device's subtask, from its release to its final report.

Decisions:

- *Plain arrays in* (`spec`), not scenarios: the plane can be tested, timed and reused without files.
- *Two planes, one model*: `CompiledFleet` for speed, `SimpyFleet` to read, to extend and as the oracle.
  They share what draws are for and when a failure is retried (`model`) and hardly more; how draws become
  times and who gets which bandwidth stands in each. A property test compares them to the tick. One
  vectorised plane alone would be its own judge.
- *Keyed draws* (`model.draws`) instead of streams: a draw depends on who asks and what for, so neither
  visiting order, threads nor a changed capacity moves anyone's luck.
- *Integer microseconds* instead of float seconds: equal times are equal, and their order is defined.
- *Plans* (`compiled.presampling`): what an attempt draws is drawn for many devices at a time, apart from the
  events, and for a long ready queue on a second thread (`compiled.presampling_ahead`). A draw amid events
  cost three times as much. Whoever has to wait for plans draws some.
- *Asked for ahead* (`compiled.memory.prefetch`): whose event is next is known while the one before is worked
  off, so its memory is asked for then. Waiting for it took a tenth of the time of a million devices.
- *One piece of memory* (`compiled.memory.tables`) for all columns of results, and one for the rows of a run,
  instead of one a column: small ones come in common pages, and a million devices have more of those than
  the processor remembers.
- *Known ends* (`compiled.stages.attempt`): with its plan, an attempt costs one event, two more if it
  downloads through a shared network; stage by stage would cost six.
- *Free downloads are counted, not sorted* (`compiled.uncoupled.load`, `intervals`): their peaks are exact
  all the same, since only intervals that can hold a peak are looked at tick by tick.
- *Linked lists and one heap* (`compiled.queues`) instead of an entry in a heap for everything: constant
  delays arrive in order by themselves, and stopping a device in the middle of a queue costs nothing.
- *Straight play* (`compiled.uncoupled`) when nothing is shared: no queue at all, on all processors. With
  everybody in flight at once an event queue would be bound by memory latency.
- *No reference counting in kernels* (`jit`): numba counts each array of a tuple at each call; that was
  95 % of the time.
- *Kernels grow nothing*: they return and Python enlarges (`compiled.memory.growth`), which keeps them free of
  allocation.
"""

from sim.fleet.protocol import AttemptLog, Curves, Fleet, TargetRecords, Totals
from sim.fleet.spec import FleetSpec, RetryPolicy

__all__ = ["AttemptLog", "Curves", "Fleet", "FleetSpec", "RetryPolicy", "TargetRecords", "Totals"]
