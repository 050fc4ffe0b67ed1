"""The JSON Schema of each document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sim.cli.documents.base import ErrorDocument
from sim.cli.documents.explanations import ExplainDocument
from sim.cli.documents.fits import FitDocument
from sim.cli.documents.others import (
    BenchDocument,
    CompileDocument,
    DiffDocument,
    JournalDocument,
    RecordDocument,
    ReportDocument,
    ServeDocument,
)
from sim.cli.documents.scenario_tests import CheckDocument, ValidateDocument
from sim.cli.documents.single_run import RunDocument, RunsDocument, WithoutPart
from sim.cli.documents.studies import (
    PlanDocument,
    PolicyDocument,
    ReplicationsDocument,
    SensitivityDocument,
    SweepDocument,
)
from sim.cli.group import COMMANDS
from sim.scenario.schema import tidy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sim.cli.documents.base import Part

DOCUMENTS: Final[Mapping[str, type[Part]]] = {
    "run": RunDocument,
    "runs": RunsDocument,
    "validate": ValidateDocument,
    "sweep": SweepDocument,
    "plan": PlanDocument,
    "policy": PolicyDocument,
    "sensitivity": SensitivityDocument,
    "replications": ReplicationsDocument,
    "compare": WithoutPart,
    "check": CheckDocument,
    "diff": DiffDocument,
    "report": ReportDocument,
    "explain": ExplainDocument,
    "compile": CompileDocument,
    "bench": BenchDocument,
    "serve": ServeDocument,
    "journal": JournalDocument,
    "record": RecordDocument,
    "watch": RecordDocument,
    "fit": FitDocument,
    "error": ErrorDocument,
}
"""Command to what it prints with `--json`; `error` is what all of them print if they fail. Three have no
command of their own: replications, `runs` of a folder, and comparisons, which are a part of what
`fleetsim run --without` prints."""


def document_schema(name: str) -> dict[str, Any]:
    """Return the JSON Schema of a document, draft 2020-12.

    Args:
        name: One of `DOCUMENTS`.
    """
    schema = DOCUMENTS[name].model_json_schema()
    tidy(schema)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": f"fleetsim {name} --json" if name in COMMANDS else f"fleetsim: {name}",
    }
