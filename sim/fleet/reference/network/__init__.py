"""The readable plane's network: what each download gets, and when it is over.

Three networks with one face (`transfer`). On a `free` one no download touches another. On a `shared` one all
downloads share the platform's egress. In a `tree` those at a site share its line first. Decision: three, not
the tree alone: the other two are its special cases, but add up floats in another order, and fleets without
sites are to come out as they always did.
"""

from sim.fleet.reference.clock import Clock
from sim.fleet.reference.network.free import FreeNetwork
from sim.fleet.reference.network.shared import SharedNetwork
from sim.fleet.reference.network.transfer import Network, Transfer
from sim.fleet.reference.network.tree import TreeNetwork
from sim.fleet.spec import FleetSpec, has_uplinks, is_network_free

__all__ = ["FreeNetwork", "Network", "SharedNetwork", "Transfer", "TreeNetwork", "make_network"]


def make_network(spec: FleetSpec, clock: Clock) -> Network:
    """Return the network that suits a fleet."""
    if is_network_free(spec):
        return FreeNetwork(spec, clock)
    return TreeNetwork(spec, clock) if has_uplinks(spec) else SharedNetwork(spec, clock)
