"""What is known of a real campaign: recorded by polling the service, or read from exports.

Decisions:

- *Sees nothing that simulates*: a recorder has to work on a machine where nothing is simulated, so this
  package imports rules, errors and units only.
- *Times are intervals*: whoever polls knows that a change came after one look and by another. A single
  time in the middle would be an invention, and fits that believe it are wrong and certain.
- *Read-only by construction*: the client of the service has no method that changes anything, and nothing
  of who asks, or where, gets into a recording.
- *Few calls*: the devices that are live, the failures where counts moved, and the counts themselves. What is
  inferred from that must add up with the counts; else it is asked for.
"""
