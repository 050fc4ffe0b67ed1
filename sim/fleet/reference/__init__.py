"""The readable device plane: a SimPy process a device, the oracle of the compiled one.

`plane` is its door (`SimpyFleet`), `attempt` what a device does from contact to reboot.
"""

from sim.fleet.reference.plane import SimpyFleet

__all__ = ["SimpyFleet"]
