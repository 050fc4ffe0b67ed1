"""What leaves the platform at the end of a tick that is not over yet, without setting any rate."""

from __future__ import annotations

import numpy as np

from sim.fleet.compiled.memory.state import NOBODY, State
from sim.fleet.compiled.memory.tables import records
from sim.fleet.compiled.memory.tree import NODE, Tree
from sim.fleet.compiled.tree.search_tree import count_node, insert_node, split_egress
from sim.fleet.compiled.tree.uplinks import share_uplink
from sim.fleet.jit import kernel
from sim.fleet.spec import FleetSpec, Floats, Int64s


@kernel
def _would_get(spec: FleetSpec, tree: Tree, epoch: int, thetas: Floats) -> None:
    """Write what one download of each line would get if the platform had no limit, (L,) bytes/s."""
    caps = spec.outages.epoch_cap[epoch]
    for uplink in range(len(tree.uplinks)):
        first = tree.uplinks[uplink].first
        for i in range(share_uplink(tree, uplink, caps)):
            thetas[first + i] = tree.parts[i].rate


@kernel
def _load_of(bandwidth: float, thetas: Floats, active: Int64s, scratch: Tree) -> float:
    """Return the bytes/s that leave the platform, by what levels would get and their downloads."""
    for level in range(len(thetas)):
        insert_node(scratch, level, thetas[level])
        count_node(scratch, level, active[level])
    _, n_limited, load, rate = split_egress(scratch, bandwidth)
    return load + rate * n_limited


def tree_load_at_end_of_tick(spec: FleetSpec, st: State) -> float:
    """Return the bytes/s that leave the platform if nothing else happens at this tick.

    Rates are set when a tick is left; to set them now would move lines once more than needed.
    """
    epoch = int(np.searchsorted(spec.outages.epoch_tick, st.reg.now, side="right")) - 1
    if st.reg.net_changed == 0 and epoch == st.reg.epoch:
        return float(st.reg.load)
    thetas = np.zeros(len(st.tree.lines))
    _would_get(spec, st.tree, epoch, thetas)
    active = st.tree.lines["active"].astype(np.int64)
    levels, of = np.unique(thetas[active > 0], return_inverse=True)
    sums = np.bincount(of, weights=active[active > 0], minlength=len(levels)).astype(np.int64)
    fields = {name: getattr(st.tree, name) for name in st.tree.fields}
    scratch = Tree(**fields | {"nodes": records(len(levels), NODE), "top": NOBODY})
    return _load_of(float(spec.outages.epoch_bandwidth[epoch]), levels, sums, scratch)
