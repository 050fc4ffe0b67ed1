"""Devices that share nothing: played to their ends without events, on all processors.

`play` is one device after the other, `blocks` a batch of them on threads, `batch` how to go back to where one
began, `run` all tasks and how far each is; `load` and `intervals` count how many downloads went on at once.

A task is played to where the advance would end at the latest, and what lies beyond a watch that ends it
earlier is played again only if somebody asks. Playing in small steps instead would look at every device
at every step; events in order took twice as long for tasks of 30,000 devices each.
"""
