"""Downloads that share a tree of lines, in exact fractions and in the slowest way: an oracle of both planes.

Knows neither levels nor virtual clocks. All links are alike to it: each device's own, each site's line, the
platform's egress.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil

TICK = Fraction(1, 10**6)  # seconds


@dataclass
class Flow:
    """A download: what it may take, where it is, and how many bytes are to come from when on."""

    cap: Fraction
    site: int = -1
    left: Fraction = Fraction(0)
    arrival: Fraction = Fraction(0)
    end: Fraction | None = None


def links_of(
    flows: Sequence[Flow], uplinks: Sequence[Fraction | None], egress: Fraction | None
) -> dict[Hashable, tuple[Fraction, list[int]]]:
    """Return what limits downloads: the bytes/s of each link, and which of the downloads it carries."""
    everybody = range(len(flows))
    links: dict[Hashable, tuple[Fraction, list[int]]] = {("own", i): (flows[i].cap, [i]) for i in everybody}
    for site, uplink in enumerate(uplinks):
        if uplink is not None:
            links["site", site] = (uplink, [i for i in everybody if flows[i].site == site])
    if egress is not None:
        links["egress"] = (egress, list(everybody))
    return links


def fill(
    flows: Sequence[Flow], uplinks: Sequence[Fraction | None], egress: Fraction | None
) -> list[Fraction]:
    """Return the max-min fair rates: all rise alike, and who is on a link that is full rises no more.

    Source:
        Progressive filling: Bertsekas and Gallager, "Data Networks", 2nd ed., 6.5.2.
    """
    links = links_of(flows, uplinks, egress)
    rates = [Fraction(0)] * len(flows)
    rising = set(range(len(flows)))
    while rising:
        spare = {
            name: (capacity - sum(rates[i] for i in on)) / len(rising.intersection(on))
            for name, (capacity, on) in links.items()
            if rising.intersection(on)
        }
        drop = min(spare.values())
        for i in rising:
            rates[i] += drop
        for name, (_, on) in links.items():
            if spare.get(name) == drop:
                rising -= set(on)
    return rates


def play(
    flows: Sequence[Flow],
    uplinks: Sequence[Fraction | None],
    egress: Sequence[tuple[Fraction, Fraction | None]],
) -> None:
    """Let downloads arrive, flow and end, each at the tick that follows its last byte; rates hold until then.

    Args:
        flows: Get their ends; mutated.
        uplinks: Bytes/s of each site's line, None for an unlimited one.
        egress: (from when, bytes/s of the platform), ascending from 0.
    """
    now = Fraction(0)
    while any(flow.end is None for flow in flows):
        active = [flow for flow in flows if flow.arrival <= now and flow.end is None]
        rates = fill(active, uplinks, [value for at, value in egress if at <= now][-1])
        ends = {
            id(flow): now + max(ceil(flow.left / rate / TICK - Fraction(1, 100)), 0) * TICK
            for flow, rate in zip(active, rates, strict=True)
            if rate > 0
        }
        later = [flow.arrival for flow in flows if flow.arrival > now] + [at for at, _ in egress if at > now]
        then = min([*ends.values(), *later])
        for flow, rate in zip(active, rates, strict=True):
            flow.left -= rate * (then - now)
            if ends.get(id(flow)) == then:
                flow.end = then
        now = then
