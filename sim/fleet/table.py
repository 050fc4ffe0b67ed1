"""Tables that compiled code reads through one address: arrays and numbers under names.

Decision: instead of named tuples. numba takes a tuple apart into the words of all its arrays, several
hundred of them, at every call and at every access, and most of the time of a first compile went into that.
A table keeps beside its fields one array of words that says where they lie, and a kernel is passed the
address of those words (`sim.fleet.table_type`). The type of a table is fixed by its class: no value makes
numba compile anything again, not even one cohort alone.

This module knows no compiler, so that whoever only describes a fleet need not load it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import (
    Annotated,
    Any,
    ClassVar,
    Final,
    NamedTuple,
    Self,
    dataclass_transform,
    get_args,
    get_origin,
    get_type_hints,
)

import numpy as np
from numpy.typing import NDArray


class Field(NamedTuple):
    """Where a table keeps one field.

    Attributes:
        kind: "array", "number", "table", or "reference" to a table that is not frozen.
        at: Its first word. An array has its address and its lengths, a number its value, a table all its
            words, a reference their address.
        n_words: How many words it has.
        dtype: Of an array's entries, of the record or of the number.
        ndim: Dimensions of an array.
        table: Class of a table within the table; it may be a named tuple of arrays.
        within: Its fields, from its own first word.
    """

    kind: str
    at: int
    n_words: int
    dtype: np.dtype[Any] = np.dtype(np.int64)
    ndim: int = 0
    table: type | None = None
    within: dict[str, Field] | None = None


_WORD: Final = np.dtype(np.int64)
_NUMBERS: Final[dict[Any, Any]] = {int: np.int64, float: np.float64, bool: np.bool_}


def _field_of(hint: Any, at: int) -> Field:
    """Return the field that an annotation describes, from word `at` on.

    Args:
        hint: A number's type, a table, an array `NDArray[...]` of one dimension; or one of them annotated
            with how many dimensions it has, or the dtype of its records.
        at: Word.
    """
    marks: tuple[Any, ...] = ()
    if get_origin(hint) is Annotated:
        hint, *rest = get_args(hint)
        marks = tuple(rest)
    records = next((mark for mark in marks if isinstance(mark, np.dtype)), None)
    if isinstance(hint, type) and issubclass(hint, Table | tuple):
        within = layout_of(hint)
        if issubclass(hint, Table) and not hint._is_frozen:
            return Field("reference", at, 1, table=hint, within=within)
        return Field("table", at, n_words_of(within), table=hint, within=within)
    if isinstance(hint, type) and get_origin(hint) is None:
        return Field("number", at, 1, dtype=np.dtype(_NUMBERS.get(hint, hint)))
    dtype = records if records is not None else np.dtype(get_args(get_args(hint)[1])[0])
    ndim = next((mark for mark in marks if isinstance(mark, int)), 1)
    return Field("array", at, 1 + ndim, dtype=dtype, ndim=ndim)


def layout_of(table: type) -> dict[str, Field]:
    """Return the fields of a class by name, one after the other."""
    fields: dict[str, Field] = {}
    hints = get_type_hints(table, include_extras=True)
    for name in table.__annotations__:
        fields[name] = _field_of(hints[name], n_words_of(fields))
    return fields


def n_words_of(fields: dict[str, Field]) -> int:
    """Return how many words fields have together."""
    return sum(field.n_words for field in fields.values())


@dataclass_transform(frozen_default=True)
class Table:
    """Base class of tables: a subclass declares its fields by annotations, as a dataclass does.

    Fields can't be set anew, unless the subclass says `frozen=False`: then its words follow, and compiled
    code that is called later sees the new field; its numbers are written by compiled code as well. Another
    table has the words of a frozen one among its own, and refers to those of any other.

    Attributes:
        address: Where the words lie in memory. Whoever passes it on has to keep the table.
        words: (n,) int64, where the fields lie.
        fields: The fields by name.
    """

    address: int
    words: NDArray[np.int64]
    fields: ClassVar[dict[str, Field]]
    _n_words: ClassVar[int]
    _is_frozen: ClassVar[bool]

    def __init_subclass__(cls, *, frozen: bool = True) -> None:
        """Lay out the words."""
        super().__init_subclass__()
        cls.fields = layout_of(cls)
        cls._n_words = n_words_of(cls.fields)
        cls._is_frozen = frozen
        for name, field in cls.fields.items():
            if field.kind == "number" and not frozen:
                setattr(cls, name, _Number(name, field))

    def __init__(self, *in_order: Any, **by_name: Any) -> None:
        """Take the fields, in order or by name; arrays are kept, not copied.

        Raises:
            TypeError: A field is missing or unknown, or an array is not of the dtype, dimensions and layout
                that its class says.
        """
        values = dict(zip(self.fields, in_order, strict=False)) | by_name
        if values.keys() != self.fields.keys() or len(in_order) + len(by_name) != len(values):
            raise TypeError(f"{type(self).__name__} needs {', '.join(self.fields)}; each once")
        listed: list[int] = []
        kept = self.__dict__
        for name, field in self.fields.items():
            value = values[name]
            if field.dtype is _WORD and field.kind == "number":
                listed.append(int(value))
            else:
                listed += _words_of(field, name, value)
            if self._is_frozen or field.kind != "number":
                kept[name] = value
        words = np.array(listed, np.int64)  # at once: tables are laid out for each run
        kept["words"] = words
        kept["address"] = words.ctypes.data

    def _set(self, name: str, value: Any) -> None:
        """Keep a field, and write down where it lies."""
        field = self.fields[name]
        self.words[field.at : field.at + field.n_words] = _words_of(field, name, value)
        if field.kind != "number":
            self.__dict__[name] = value

    def __setattr__(self, name: str, value: Any) -> None:
        """Set a field anew.

        Raises:
            AttributeError: The table is frozen, or has no such field.
        """
        if self._is_frozen or name not in self.fields:
            raise AttributeError(f"can't set {name} of {type(self).__name__}")
        self._set(name, value)

    def _replace(self, **changes: Any) -> Self:
        """Return a table with some fields changed, as named tuples do."""
        return type(self)(**self._asdict() | changes)

    def _asdict(self) -> dict[str, Any]:
        """Return the fields by name."""
        return {name: getattr(self, name) for name in self.fields}

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy and pickle the fields; the words of a copy are its own."""
        return _made, (type(self), self._asdict())

    def __repr__(self) -> str:
        """Return the fields."""
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in self._asdict().items())})"


class _Number:
    """A number of a table that is not frozen: compiled code may have written it."""

    def __init__(self, name: str, field: Field) -> None:
        self._name = name
        self._field = field

    def __get__(self, table: Any, of: type) -> Any:
        """Return the number."""
        if table is None:
            return self
        at = self._field.at
        if self._field.dtype is _WORD:
            return table.words.item(at)
        return table.words[at : at + 1].view(self._field.dtype)[0].item()

    def __set__(self, table: Any, value: Any) -> None:
        """Write the number."""
        table._set(self._name, value)


def _made(table: type[Table], fields: dict[str, Any]) -> Table:
    """Return a table of these fields."""
    return table(**fields)


def _words_of(field: Field, name: str, value: Any) -> list[int]:
    """Return the words of a field's value.

    Raises:
        TypeError: The value is none of the field.
    """
    if field.kind == "array":
        plain = np.asarray(value)  # records look for each attribute among their fields first
        fits = isinstance(value, np.ndarray) and plain.dtype == field.dtype and plain.ndim == field.ndim
        if not fits or not plain.flags.c_contiguous:
            raise TypeError(f"{name} must be {field.ndim}-dimensional {field.dtype}, one after the other")
        return [plain.ctypes.data, *plain.shape]  # its array interface would list the fields of a record
    if field.within is None:
        number = np.array([value], field.dtype)
        words: list[int] = (number if number.itemsize == 1 else number.view(np.int64)).tolist()
        return words
    is_of_class = type(value) is field.table
    if not is_of_class:
        raise TypeError(f"{name} must be a {field.table}, it is a {type(value)}")
    if field.kind == "reference":
        return [value.address]
    parts: Iterable[list[int]] = (
        [value.words.tolist()]
        if isinstance(value, Table)
        else (_words_of(part, key, getattr(value, key)) for key, part in field.within.items())
    )
    return [word for part in parts for word in part]
