"""What devices may remember, as changes of the random fleets of `fleet.planes`: one strategy a feature.

Each is made from the arguments of `make_spec` of a fleet, and draws the same fleet with the feature added.
"""

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from sim.fleet import spec as fs
from sim.rules import Reason, Stage

Arguments = dict[str, Any]
_CODES = st.sampled_from([Reason.BUSY, Reason.CHECK_FAIL])
# Whole seconds make ties likely; the drawn ones make them rare.
_PERIODS = st.sampled_from(
    [
        30.0,
        300.0,
        (fs.EXPONENTIAL, 90.0),
        (fs.EXPONENTIAL, 9_000.0),
        (fs.WEIBULL, 0.7, 500.0),
        (fs.LOGNORMAL, 300.0, 1.0),
        (fs.UNIFORM, 10.0, 50.0),
        (fs.EMPIRICAL, [0.0, 0.5, 1.0], [5.0, 60.0, 4_000.0]),
    ]
)
_BEATS = st.builds(
    lambda every, part, phase: {"every": every, "for": every * part, "phase": phase},
    st.sampled_from([10.0, 100.0, 3_000.0]),
    st.sampled_from([0.1, 0.5, 0.9]),
    st.sampled_from([None, 0.0, 7.0]),
)
_TURNS = st.builds(lambda off, on: {"off": off, "on": on}, _PERIODS, _PERIODS)
_INSTANTS = st.builds(lambda off: {"off": off, "on": 0.0, "share": 0.0}, _PERIODS)


@st.composite
def _links(draw: st.DrawFn, arguments: Arguments) -> Arguments:
    """Give some cohorts a link."""
    links = st.one_of(st.none(), _BEATS, _TURNS, _INSTANTS)
    cohorts = [{**cohort, "link": draw(links)} for cohort in arguments["cohorts"]]
    return {**arguments, "cohorts": cohorts}


@st.composite
def _during_upgrade(draw: st.DrawFn, arguments: Arguments) -> Arguments:
    """Give some cohorts a link that goes down under downloads."""
    cohorts = [
        {
            **cohort,
            "link": draw(st.one_of(_BEATS, _TURNS)),
            "during_upgrade": draw(st.sampled_from([fs.PAUSES, fs.BREAKS])),
            "break_reason": draw(_CODES),
        }
        if draw(st.booleans())
        else cohort
        for cohort in arguments["cohorts"]
    ]
    return {**arguments, "cohorts": cohorts}


_OPEN = st.builds(
    lambda opens, length, every: tuple((opens + every * k, opens + every * k + length) for k in range(400)),
    st.sampled_from([0.0, 20.0, 3_600.0]),
    st.sampled_from([1.0, 60.0, 1_000.0]),
    st.sampled_from([1_001.0, 5_000.0]),
)


def _windows(purpose: str) -> Callable[[Arguments], st.SearchStrategy[Arguments]]:
    """Return the feature of having windows for something in some cohorts."""

    @st.composite
    def add(draw: st.DrawFn, arguments: Arguments) -> Arguments:
        windows = st.one_of(st.just(()), _OPEN)
        cohorts = [{**cohort, purpose: draw(windows)} for cohort in arguments["cohorts"]]
        return {**arguments, "cohorts": cohorts}

    return add


@st.composite
def _freezes(draw: st.DrawFn, arguments: Arguments) -> Arguments:
    """Stop the dispatch for a while, or several times."""
    edges = draw(st.lists(st.sampled_from([0, 1, 7, 60, 61, 300, 4_000, 90_000]), max_size=6, unique=True))
    ascending = [float(edge) for edge in sorted(edges)]
    return {**arguments, "freezes": list(zip(ascending[::2], ascending[1::2], strict=False))}


@st.composite
def _resume(draw: st.DrawFn, arguments: Arguments) -> Arguments:
    """Let some cohorts keep what they have loaded."""
    cohorts = [{**cohort, "resume": draw(st.booleans())} for cohort in arguments["cohorts"]]
    return {**arguments, "cohorts": cohorts}


@st.composite
def _package_bytes(draw: st.DrawFn, arguments: Arguments) -> Arguments:
    """Let some cohorts load a package of another size."""
    sizes = st.sampled_from([None, 1, 5_000, 400_000])
    cohorts = [{**cohort, "package_bytes": draw(sizes)} for cohort in arguments["cohorts"]]
    return {**arguments, "cohorts": cohorts}


_LINES = st.sampled_from([300.0, 2e4, 2e4, 1e5, float("inf")])
_PLACES = st.sampled_from([1, 3, fs.NEVER, fs.NEVER])


@st.composite
def _sites(draw: st.DrawFn, arguments: Arguments) -> Arguments:
    """Put devices at sites, of a cohort or across cohorts; cells are not at sites with places."""
    cohorts = arguments["cohorts"]
    if draw(st.booleans()):
        sizes = st.sampled_from([0, 1, 3, 20])
        rows = [
            {
                **cohort,
                "site_devices": draw(sizes),
                "uplink": draw(_LINES),
                "at_a_time": fs.NEVER if cohort.get("cell_devices") else draw(_PLACES),
            }
            for cohort in cohorts
        ]
        return {**arguments, "cohorts": rows}
    has_cells = any(cohort.get("cell_devices") for cohort in cohorts)
    sites = [(draw(_LINES), fs.NEVER if has_cells else draw(_PLACES)) for _ in range(draw(st.integers(1, 5)))]
    in_a_row, first = draw(st.integers(1, 4)), draw(st.sampled_from([-1, 0]))
    n_places = len(sites) - first  # one of them perhaps at no site
    n = sum(cohort["devices"] for cohort in cohorts)
    return {
        **arguments,
        "site_of": [i // in_a_row % n_places + first for i in range(n)],
        "sites": sites,
    }


def _more_causes(kinds: dict[str, st.SearchStrategy[Any]], stages: tuple[Stage, ...]) -> Callable[..., Any]:
    """Return the feature of having a few causes more, with some entries, at some stages."""

    @st.composite
    def add(draw: st.DrawFn, arguments: Arguments) -> Arguments:
        cause = st.fixed_dictionaries(
            {
                **kinds,
                "stage": st.sampled_from(stages),
                "cohort": st.sampled_from([None, *range(len(arguments["cohorts"]))]),
                "reason": _CODES,
                "silent": st.booleans(),
            }
        )
        return {**arguments, "causes": arguments["causes"] + draw(st.lists(cause, min_size=1, max_size=3))}

    return add


@st.composite
def _leaves(draw: st.DrawFn, arguments: Arguments) -> Arguments:
    """Let causes of install and reboot leave something else than the old version."""
    leaves = st.sampled_from([fs.LEAVES_OLD, fs.LEAVES_NEW, fs.LEAVES_DEAD])
    late = {Stage.INSTALL, Stage.REBOOT}
    causes = [{**row, "leaves": draw(leaves)} if row["stage"] in late else row for row in arguments["causes"]]
    stage = draw(st.sampled_from(sorted(late)))
    causes.append({"stage": stage, "p": 0.2, "silent": draw(st.booleans()), "leaves": draw(leaves)})
    return {**arguments, "causes": causes}


_TIMED = (Stage.QUERY, Stage.COVERAGE, Stage.VERIFY, Stage.INSTALL, Stage.REBOOT)
_LASTS = {"p": st.sampled_from([0.1, 0.6]), "lasts": _PERIODS}
_RATE = {"rate": st.sampled_from([1.0, 0.05, 0.002])}
_PER = {"per_bytes": st.sampled_from([0.5, 900.0, 3e5, 2e6])}

FEATURES: dict[str, Callable[[Arguments], st.SearchStrategy[Arguments]]] = {
    "link": _links,
    "lasts": _more_causes(_LASTS, (Stage.CONTACT, *_TIMED)),
    "lasts in the download": _more_causes(_LASTS, (Stage.DOWNLOAD,)),
    "rate": _more_causes(_RATE, _TIMED),
    "rate in the download": _more_causes(_RATE, (Stage.DOWNLOAD,)),
    "per": _more_causes(_PER, (Stage.DOWNLOAD,)),
    "during_upgrade": _during_upgrade,
    "window for contact": _windows("contact"),
    "window for download": _windows("download"),
    "window for install": _windows("install"),
    "freeze": _freezes,
    "resume": _resume,
    "leaves": _leaves,
    "package_bytes": _package_bytes,
    "sites": _sites,
}
"""A strategy a feature; those that change causes of others come after these."""
