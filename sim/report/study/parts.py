"""What the pages of all studies have in common."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sim.report.page_model import Page, Section
from sim.results.files.damage import undamaged
from sim.scenario import parse_scenario

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd


def new_page(
    origin: dict[str, Any], *, question: str, answer: str, about: str, sections: list[Section]
) -> Page:
    """Return the page of a study.

    Args:
        origin: Content of `study.json`.
        question: What was asked.
        answer: How it came.
        about: What was run, after the size of the fleet and the seed.
        sections: Parts of the page.
    """
    scenario = parse_scenario(origin["scenario_text"])
    return Page(
        title=f"{origin['scenario']}: {origin['kind']}",
        description=scenario.description,
        question=question,
        answer=answer,
        mood="",
        verdict_word="report",
        about=f"{scenario.n_devices:,} devices, seed {origin['seed']}. {about}",
        tiles=[],
        lead_tables=[],
        sections=sections,
        origin=[
            ("Scenario", f"{origin['scenario']}, digest {origin['scenario_digest'][:16]}"),
            ("Seed", str(origin["seed"])),
            ("Device plane", origin["plane"]),
            ("Version", f"fleetsim {origin['fleetsim']}"),
        ],
        scenario_text=origin["scenario_text"],
        version=origin["fleetsim"],
    )


def read_answer(folder: Path, kind: str) -> dict[str, Any]:
    """Return the answer of a study as its JSON file has it; empty if the study wrote none.

    Args:
        folder: Of the study.
        kind: Name of its kind, like `sweep`.
    """
    path = folder / f"{kind}.json"
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return content


def read_frame(path: Path) -> pd.DataFrame:
    """Return one of a study's tables.

    Raises:
        FileNotFoundError: There is none.
        ScenarioError: It is damaged.
    """
    import pandas as pd

    with undamaged(path, "run the study again"):
        return pd.read_parquet(path)
