"""Any answer as JSON that any reader takes."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from enum import Enum
from typing import Any


def json_text(document: Mapping[str, Any]) -> str:
    """Return a document as JSON: no NaN, no infinity, no types but JSON's."""
    return json.dumps(plain(document), indent=2, ensure_ascii=False, allow_nan=False)


def plain(value: Any) -> Any:
    """Return a value as JSON knows it.

    Args:
        value: Mappings, lists, tuples, sets, NumPy's arrays and numbers, and single values. Read only.

    Returns:
        Dicts, lists, text, numbers, truth values and None; what is no finite number is None, and what is
        none of all this is its text.
    """
    if hasattr(value, "tolist"):  # NumPy's and pandas', without loading either
        value = value.tolist()
    if isinstance(value, Enum):
        value = value.value
    if value is None or isinstance(value, bool | str | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    return str(value)
