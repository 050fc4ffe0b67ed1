"""Kinds of studies and their files.

Decision: a table of all kinds, instead of a record in each kind's own package: with `--force` a study throws
away what one of another kind left in the folder, so the folder must know everybody's files.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class StudyKind(NamedTuple):
    """A kind of study.

    Attributes:
        name: As the marker in the folder says it.
        files: Names of its results.
    """

    name: str
    files: tuple[str, ...]


REPLICATIONS: Final = StudyKind(
    "replications",
    ("replications.parquet", "summary.parquet", "bands.parquet", "replications.json", "replications.png"),
)
SWEEP: Final = StudyKind("sweep", ("sweep.parquet", "summary.parquet", "sweep.json", "sweep.png"))
PLAN: Final = StudyKind("plan", ("plan.parquet", "frontier.parquet", "plan.json", "plan.png"))
POLICY: Final = StudyKind("policy", ("policies.parquet", "front.parquet", "policy.json", "policy.png"))
SENSITIVITY: Final = StudyKind(
    "sensitivity", ("sensitivity.parquet", "points.parquet", "sensitivity.json", "sensitivity.png")
)

KINDS: Final = {kind.name: kind for kind in (REPLICATIONS, SWEEP, PLAN, POLICY, SENSITIVITY)}
"""All of them by name."""
