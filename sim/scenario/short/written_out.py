"""A scenario with everything that is short written out: what its checks see."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any, Final

from sim.scenario.inventory.inventory import Inventory, is_pattern
from sim.scenario.section import Fault, Path
from sim.scenario.short.counted_from_start import write_dates_out
from sim.scenario.short.selectors import Labelled, is_selector, labelled, selected
from sim.scenario.short.sheet import Sheet
from sim.scenario.source import Source

_GROUP: Final = "cohorts["


def written_out(
    source: Source, inventory: Inventory | None, *, is_listed: bool
) -> tuple[Source, list[Fault]]:
    """Write out what a scenario says in short: which sites and cohorts it means.

    Args:
        source: A mapping; it stays as it is.
        inventory: The inventory, if there is one that could be read.
        is_listed: Whether there is one. Labels of one that can't be read are unknown.

    Returns:
        The source with nothing short in it, but for what is wrong; and what is wrong.
    """
    sheet = Sheet(source.data)
    sheet.written.update(source.written)
    write_dates_out(sheet)
    if inventory is not None:
        _name_sites(sheet, inventory)
    _select_cohorts(sheet, inventory, is_listed=is_listed)
    return replace(source, data=sheet.data, written=sheet.written), sheet.faults


# --- sites ---


def _name_sites(sheet: Sheet, inventory: Inventory) -> None:
    """Replace patterns by the sites of the inventory, and fill in what these don't say themselves."""
    sites = sheet.at("fleet", "sites")
    if not isinstance(sites, Mapping) or not any(map(is_pattern, sites)):
        return
    general = {name: site for name, site in sites.items() if is_pattern(name) and isinstance(site, Mapping)}
    named: dict[str, Any] = {}
    used: set[str] = set()
    for name in inventory.site_names:
        own, path = sites.get(name, {}), ("fleet", "sites", name)
        site: dict[str, Any] = {}
        for pattern, values in general.items():
            if fnmatchcase(name, pattern):
                used.add(pattern)
                site |= values
                if name not in sites:
                    sheet.written[path] = ("fleet", "sites", pattern)
                sheet.written.update({(*path, key): ("fleet", "sites", pattern, key) for key in values})
        if own is not None and not isinstance(own, Mapping):
            site = own  # which is refused
        else:
            sheet.written.update({(*path, key): (*path, key) for key in own or {}})
            site |= own or {}
        named[name] = site
    for pattern in (one for one in general if one not in used):
        message = "no device of the inventory is at such a site"
        sheet.faults.append(Fault(("fleet", "sites", pattern), message, at_key=True))
    wrong = {name: site for name, site in sites.items() if is_pattern(name) and name not in general}
    sheet.put({**named, **wrong}, "fleet", "sites")


# --- cohorts ---


def _select_cohorts(sheet: Sheet, inventory: Inventory | None, *, is_listed: bool) -> None:
    """Replace selectors by the names of the cohorts that they mean."""
    of_inventory = None if inventory is None else inventory.labels
    cohorts = labelled(sheet.at("fleet"), of_inventory)
    if not cohorts or (is_listed and inventory is None):
        return
    for path in _chosen(sheet):
        _select(sheet, path, cohorts, ())
    earlier: list[str] = []
    for i_wave in sheet.items("campaign", "waves"):
        path = ("campaign", "waves", i_wave, "cohorts")
        _select(sheet, path, cohorts, earlier)
        earlier += [name for name in sheet.at(*path) or () if isinstance(name, str)]
    _select_in_expectations(sheet, cohorts)


def _chosen(sheet: Sheet) -> Iterator[Path]:
    """Yield the places at which cohorts are chosen whatever is chosen elsewhere."""
    yield from (("outages", i, "cohorts") for i in sheet.items("outages"))
    yield from (("operators", i, "only", "cohorts") for i in sheet.items("operators"))


def _select(sheet: Sheet, path: Path, cohorts: Sequence[Labelled], without: Sequence[str]) -> None:
    """Replace the selectors of one list.

    Args:
        sheet: Mutated.
        path: Where the list, or a single text, stands.
        cohorts: All cohorts.
        without: Names that a selector doesn't mean here.
    """
    given = sheet.at(*path)
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or (texts is given and not any(map(_is_selector, texts))):
        return
    names: list[Any] = []
    for i_text, text in enumerate(texts):
        place = path if texts is not given else (*path, i_text)
        found = [text]
        if _is_selector(text):
            try:
                meant = selected(text, cohorts)
                found = [name for name in meant if name not in without]
                if not found:
                    message = f"'{text}' adds nothing: waves before have all of {', '.join(meant)}"
                    sheet.faults.append(Fault((*path, len(names)), message))
                    found = [text]
            except ValueError as error:
                sheet.faults.append(Fault((*path, len(names)), str(error)))
            found = [name for name in found if name not in names]
        for name in found:
            sheet.written[(*path, len(names))] = place
            names.append(name)
    sheet.put(names, *path)


def _is_selector(text: object) -> bool:
    return isinstance(text, str) and is_selector(text)


def _select_in_expectations(sheet: Sheet, cohorts: Sequence[Labelled]) -> None:
    """Replace `cohorts[SELECTOR].METRIC` by the same for each cohort that is meant."""
    expect = sheet.at("expect")
    if not isinstance(expect, Mapping) or not any(key.startswith(_GROUP) for key in expect):
        return
    texts: dict[str, Any] = {}

    def add(name: str, key: str, given: Any) -> None:
        """Add what a key of the file says of a metric, to what others said of it."""
        before = _listed(texts[name]) if name in texts else []
        for i_text in range(len(_listed(given)) if before or name != key else 0):
            place = ("expect", key, i_text) if isinstance(given, list) else ("expect", key)
            sheet.written["expect", name, len(before) + i_text] = place
        texts[name] = [*before, *_listed(given)] if before else given

    for key, given in expect.items():
        end = key.rfind("].")
        if not key.startswith(_GROUP) or end < 0:
            add(key, key, given)
            continue
        try:
            names = selected(key[: end + 1], cohorts)
        except ValueError as error:
            sheet.faults.append(Fault(("expect", key), str(error), at_key=True))
            continue
        for name in names:
            of_cohort = f"by_cohort.{name}.{key[end + 2 :]}"
            if of_cohort not in texts:
                sheet.written["expect", of_cohort] = ("expect", key)
            add(of_cohort, key, given)
    sheet.put(texts, "expect")


def _listed(texts: Any) -> list[Any]:
    return list(texts) if isinstance(texts, list) else [texts]
