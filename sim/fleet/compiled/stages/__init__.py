"""What a stage of an attempt comes to: how long it works, and what breaks it.

Decision: what depends on the attempt alone is drawn ahead (`sim.fleet.compiled.presampling`), as if no
condition were on. Whether one is on depends on the tick at which the stage begins, which is known later.
Then the stage is looked at, which costs next to nothing, and only where a condition is on it is worked out
again. The other way round, with conditions in the plans, no plan could be drawn before the dispatch.
"""
