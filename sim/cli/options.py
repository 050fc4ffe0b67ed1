"""Several options of a command as one decorator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

_F = TypeVar("_F", bound=Callable[..., Any])


def options(*several: Callable[[_F], _F]) -> Callable[[_F], _F]:
    """Return several options of click as one decorator.

    Args:
        *several: What `click.option` returns; help lists them in this order.
    """

    def decorate(function: _F) -> _F:
        for option in reversed(several):
            function = option(function)
        return function

    return decorate
