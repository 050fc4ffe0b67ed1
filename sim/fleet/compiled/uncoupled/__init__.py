"""Devices that share nothing: played to their ends without events, on all processors.

`play` is one device, `run` a block of a fleet, `load` and `intervals` count how many downloads went on
at once.
"""
