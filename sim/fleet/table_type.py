"""What numba knows of a table: one address, and what lies behind it under which name.

Reading a field in compiled code loads one word, or the few of an array. A type's name has a digest of its
layout, since numba's cache goes by names of types: code for another layout is never loaded.

Decision: a kernel that reads much copies the words to its stack first (`copied_to_stack`), from where LLVM
takes them into registers, instead of marking the loads as invariant. With both LLVM may read the copy
before it is made.
"""

from __future__ import annotations

import hashlib
from typing import Any, Final

from llvmlite import ir
from numba import extending
from numba.core import cgutils, types
from numba.core.typing.templates import AttributeTemplate
from numba.extending import intrinsic
from numba.np import arrayobj, numpy_support

from sim.fleet.table import Field, Table, n_words_of

# numba comes without type hints, or with few.
_types: Any = types
_extending: Any = extending
_helpers: Any = cgutils
_arrays: Any = arrayobj
_numpy: Any = numpy_support
_AttributeTemplate: Any = AttributeTemplate
_BYTE: Any = ir.IntType(8)
_WORD: Any = ir.IntType(64)
_OF_NUMBA: Final = "_numba_type_"


class TableType(_types.Type):  # type: ignore[misc]
    """Type of the address of a table's words.

    Attributes:
        fields: Where each field lies, and its type.
        n_words: How many words there are.
        is_frozen: Whether kernels can't write its numbers.
    """

    def __init__(
        self, name: str, fields: dict[str, tuple[Field, Any]], n_words: int, *, is_frozen: bool
    ) -> None:
        """Name the type after the class and the layout."""
        layout = repr([is_frozen, *((key, field[:3], str(of)) for key, (field, of) in fields.items())])
        self.fields = fields
        self.n_words = n_words
        self.is_frozen = is_frozen
        super().__init__(f"Table({name}, {hashlib.sha256(layout.encode()).hexdigest()[:16]})")


def type_of(table: type[Table]) -> TableType:
    """Return the type of a class of tables, which the class has from then on: numba looks for it there."""
    known: TableType | None = vars(table).get(_OF_NUMBA)
    if known is None:
        known = _type_with(table.__name__, table.fields, is_frozen=table._is_frozen)
        setattr(table, _OF_NUMBA, known)
    return known


def _type_with(name: str, fields: dict[str, Field], *, is_frozen: bool) -> TableType:
    """Return the type of a table with these fields."""
    places = {key: (field._replace(table=None), _field_type(key, field)) for key, field in fields.items()}
    return TableType(name, places, n_words_of(fields), is_frozen=is_frozen)


def _field_type(name: str, field: Field) -> Any:
    """Return the numba type of a field."""
    if field.within is not None:
        name = field.table.__name__ if field.table is not None else name
        return _type_with(name, field.within, is_frozen=field.kind == "table")
    of = _numpy.from_dtype(field.dtype)
    if field.kind == "array":
        return _types.Array(of, field.ndim, "C")
    return of


class _AddressModel(_extending.models.PrimitiveModel):  # type: ignore[misc]
    """A table is passed as one pointer."""

    def __init__(self, dmm: Any, fe_type: TableType) -> None:
        super().__init__(dmm, fe_type, _BYTE.as_pointer())


class _Attributes(_AttributeTemplate):  # type: ignore[misc]
    """A table's fields are its attributes."""

    key = TableType

    def generic_resolve(self, table: TableType, name: str) -> Any:
        """Return the type of a field; None if there is none of that name."""
        return table.fields[name][1] if name in table.fields else None


def _load(builder: Any, address: Any, word: int, kind: Any = _WORD) -> Any:
    """Load a word of a table."""
    place = builder.gep(address, [ir.Constant(_WORD, 8 * word)])
    return builder.load(builder.bitcast(place, kind.as_pointer()))


def _array(context: Any, builder: Any, address: Any, field: Field, of: Any) -> Any:
    """Put an array together from its words."""
    array = context.make_array(of)(context, builder)
    itemsize = ir.Constant(_WORD, field.dtype.itemsize)
    shape = [_load(builder, address, field.at + 1 + axis) for axis in range(field.ndim)]
    strides = [itemsize]
    for length in shape[:0:-1]:
        strides.insert(0, builder.mul(strides[0], length))
    _arrays.populate_array(
        array,
        data=_load(builder, address, field.at, array.data.type),
        shape=shape,
        strides=strides,
        itemsize=itemsize,
        meminfo=None,
    )
    return array._getvalue()


def _lower_getattr(context: Any, builder: Any, table: TableType, address: Any, name: str) -> Any:
    """Read a field; of a table within the table nothing is loaded."""
    field, of = table.fields[name]
    if field.kind == "table":
        return builder.gep(address, [ir.Constant(_WORD, 8 * field.at)])
    if field.kind == "array":
        return _array(context, builder, address, field, of)
    if field.kind == "reference":
        return _load(builder, address, field.at, _BYTE.as_pointer())
    if isinstance(of, _types.Boolean):
        return builder.trunc(_load(builder, address, field.at), ir.IntType(1))
    return _load(builder, address, field.at, context.get_value_type(of))


def _lower_setattr(context: Any, builder: Any, signature: Any, args: Any, name: str) -> None:
    """Write a number of a table that is not frozen.

    Raises:
        TypeError: The field is none.
    """
    field, of = signature.args[0].fields[name]
    if field.kind != "number" or isinstance(of, _types.Boolean) or signature.args[0].is_frozen:
        raise TypeError(f"{name} can't be set by a kernel")
    place = builder.gep(args[0], [ir.Constant(_WORD, 8 * field.at)])
    builder.store(args[1], builder.bitcast(place, context.get_value_type(of).as_pointer()))


def _unbox(table: TableType, holder: Any, c: Any) -> Any:
    """Take the address out of the Python object."""
    number = c.pyapi.object_getattr_string(holder, "address")
    address = c.pyapi.long_as_voidptr(number)
    c.pyapi.decref(number)
    return _extending.NativeValue(address, is_error=_helpers.is_not_null(c.builder, c.pyapi.err_occurred()))


# Set here: who only describes a fleet does not load the compiler.
setattr(Table, _OF_NUMBA, property(lambda table: type_of(type(table))))
_extending.register_model(TableType)(_AddressModel)
_extending.infer_getattr(_Attributes)
_extending.lower_getattr_generic(TableType)(_lower_getattr)
_extending.lower_setattr_generic(TableType)(_lower_setattr)
_extending.unbox(TableType)(_unbox)


@intrinsic
def copied_to_stack(typingctx: Any, table: Any) -> Any:
    """Copy a table's words to the stack; return their address there."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        n_words = signature.args[0].n_words
        words = _helpers.alloca_once(builder, ir.ArrayType(_WORD, n_words))
        copy = builder.bitcast(words, _BYTE.as_pointer())
        _helpers.raw_memcpy(builder, copy, args[0], ir.Constant(_WORD, n_words), ir.Constant(_WORD, 8))
        return copy

    return table(table), codegen
