"""Why a campaign fell short: what kept the devices that were not upgraded, and what to raise first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sim.results.display.format import counted, format_count
from sim.results.display.limited import limits_of
from sim.rules import Reason, reason_code, reason_text

if TYPE_CHECKING:
    from sim.results.display.limited import Limit
    from sim.results.replication import Replication
    from sim.scenario import Scenario

_FEW: Final = 0.005
"""Share of the fleet that explains nothing."""

_MEANING: Final = {str(code): reason_text(r) for r in Reason if (code := reason_code(r)) is not None}


def failure_text(code: str) -> str:
    """Return a failure in words, like `code 10: Upgrade package installation failure`.

    Args:
        code: As a breakdown by code names it: the device's code, or the platform's text.
    """
    return f"code {code}: {_MEANING[code]}" if code in _MEANING else code


def shortfall_sentence(scenario: Scenario, run: Replication) -> str:
    """Say what kept devices from being upgraded, and what to raise first, without a full stop.

    Args:
        scenario: What was run.
        run: One replication of it.
    """
    devices = run.metrics["devices"] or 0
    pending, ended = run.metrics["pending"] or 0, devices - (run.metrics["pending"] or 0)
    failed = ended - (run.metrics["succeeded"] or 0)
    limits = limits_of(scenario, [run])
    gate = next((limit for limit in limits if limit.name == "gate"), None)
    if gate is not None:
        return gate.text
    parts = []
    if pending > _FEW * devices:
        parts.append(_pending_text(run, limits))
    if failed > _FEW * devices:
        parts.append(_failed_text(run, failed))
    advice = _advice(limits) if pending > failed else ""
    return f"{', '.join(parts)}{advice}"


def _pending_text(run: Replication, limits: list[Limit]) -> str:
    """Say how many were pending when the run ended, and what for."""
    devices, pending = run.metrics["devices"] or 0, run.metrics["pending"] or 0
    never = run.unstarted
    wait = next((limit for limit in limits if limit.of == "device_time"), None)
    if never > _FEW * devices:
        is_full = wait is not None and "platform.max_processing" in wait.fields
        what = "got a place" if is_full else "began an attempt"
        return f"{format_count(never)} of {counted(devices, 'device')} never {what} before the run ended"
    text = f"{format_count(pending)} of {counted(devices, 'device')} were still pending when the run ended"
    return text if wait is None else f"{text} (most of the time went to {wait.text})"


def _failed_text(run: Replication, failed: float) -> str:
    """Say how many failed, and what most of them stand at."""
    devices = counted(run.metrics["devices"] or 0, "device")
    text = f"{format_count(failed)} of {devices} {'ended' if run.metrics['stopped'] else 'failed'}"
    text += " without success" if run.metrics["stopped"] else ""
    if not run.by_code:
        return text
    code, n = next(iter(run.by_code.items()))
    number = f" ({format_count(n)})" if n <= failed else ""  # pending devices stand at their last failure too
    return f"{text}, most often with {failure_text(code)}{number}"


def _advice(limits: list[Limit]) -> str:
    """Say what to raise first: the limit that most of the time went to if it has a number, or the end."""
    fields = next((limit.fields for limit in limits if limit.of == "device_time"), ())
    raised = [field for field in fields if field.startswith("platform.max_") or field.endswith(_NUMBERS)]
    return f"; raise {' or '.join([*raised, 'run.until'])} first"


_NUMBERS: Final = ("dispatch_rate", "bandwidth", "cell_places", "uplink", "at_a_time")
