"""Words for what pydantic finds, beyond what the fields of a scenario can do wrong."""

import pytest
from pydantic import Field, ValidationError

from sim.scenario.pydantic_errors import faults_of
from sim.scenario.section import AbsentError, Fault, Part
from sim.scenario.suggest import unknown


class Odd(Part):
    """A section whose field has none of our parsers."""

    number: int = Field(description="A number.")


def test_faults_of__an_error_without_words_of_ours() -> None:
    """An error that the format does not foresee is passed on with what was given."""
    with pytest.raises(ValidationError) as caught:
        Odd.model_validate({"number": "many"})
    (fault,) = faults_of(caught.value, Odd)
    assert fault == Fault(
        ("number",),
        "'many' is not allowed: Input should be a valid integer, unable to parse string as an integer",
    )


def test_part__tells_refused_from_unknown() -> None:
    """Only a field that was left out is absent; a name that never existed is an ordinary mistake."""
    odd = Odd.model_construct()
    with pytest.raises(AbsentError):
        _ = odd.number
    with pytest.raises(AttributeError) as caught:
        _ = odd.numbr  # type: ignore[attr-defined]  # that is the point
    assert not isinstance(caught.value, AbsentError)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("retry", "unknown call 'retry'; did you mean 'Retry'? allowed: Retry, Stop"),
        ("stp", "unknown call 'stp'; did you mean 'Stop'? allowed: Retry, Stop"),
        ("xyz", "unknown call 'xyz'; allowed: Retry, Stop"),
        ("x" * 70, f"unknown call '{'x' * 56}...'; allowed: Retry, Stop"),
    ],
)
def test_unknown__suggests_the_nearest(given: str, expected: str) -> None:
    """The nearest word is suggested if one is near, whatever its case."""
    assert unknown("call", given, ["Retry", "Stop"]) == expected
