"""Where the time of devices goes, on the compiled plane (`sim.fleet.held_up`): what events write down.

`books` is what an event books, `rows` the same memory for Python. What a transfer is booked as lies with the
stages (`sim.fleet.compiled.stages.transfers`), what takes back a plan in `sim.fleet.compiled.corrections`.

Decision: what an attempt is planned to do is booked as it begins, instead of each stage as it ends. Then
events write a few numbers that lie in the nearest cache, and no device has to remember what it did. What
comes otherwise, by a timer, a call, a condition, or because somebody asks in between, is rare: then the
attempt is planned once more, which tells the same story, and what goes beyond that tick is taken back.
"""
