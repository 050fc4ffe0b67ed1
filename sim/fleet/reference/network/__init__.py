"""The readable plane's network: what each download gets, and when it is over.

Four networks with one face (`transfer`). On a `free` one no download touches another. On a `shared` one all
downloads share the platform's egress. On `lines_of_sites` only those at one site share; in a `tree` they do
so first, then all share the platform's egress. Decision: four, not the tree alone: the others are its special
cases, but add up floats in another order, which is simpler, and in a long run of many sites more exact.
"""

from sim.fleet.reference.clock import Clock
from sim.fleet.reference.network.free import FreeNetwork
from sim.fleet.reference.network.lines_of_sites import SitesNetwork
from sim.fleet.reference.network.shared import SharedNetwork
from sim.fleet.reference.network.transfer import Network, Transfer
from sim.fleet.reference.network.tree import TreeNetwork
from sim.fleet.spec import FleetSpec, has_egress_limit, has_uplinks, is_network_free

__all__ = [
    "FreeNetwork",
    "Network",
    "SharedNetwork",
    "SitesNetwork",
    "Transfer",
    "TreeNetwork",
    "make_network",
]


def make_network(spec: FleetSpec, clock: Clock) -> Network:
    """Return the network that suits a fleet."""
    if is_network_free(spec):
        return FreeNetwork(spec, clock)
    if not has_uplinks(spec):
        return SharedNetwork(spec, clock)
    return TreeNetwork(spec, clock) if has_egress_limit(spec) else SitesNetwork(spec, clock)
