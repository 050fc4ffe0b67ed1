"""What every section of a scenario file shares: frozen, no unknown keys, rules of its own.

A section is a `Part`. Its fields check themselves one by one; what binds several of them is a method
marked with `rule`, which stands beside the fields it binds and reports every breach it finds.

A file with a fault in one place must still be checked everywhere else. So there is a second way to
validate (`SALVAGE`), which keeps what is good and leaves the rest out. Reading a value that was left out
raises `AbsentError`, which ends the rule that read it: no complaint is built on a value that was refused.
"""

from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from contextlib import suppress
from types import FunctionType
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self, get_args, get_origin

from pydantic import (
    BaseModel,
    ConfigDict,
    GetJsonSchemaHandler,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    model_validator,
)
from pydantic import ModelWrapValidatorHandler as Handler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

Path = tuple[str | int, ...]
"""Keys and list positions from the top of the file."""

SALVAGE = object()
"""Validation context: leave out what is wrong instead of raising."""


class Fault(NamedTuple):
    """Something wrong at a place in the document, before anyone knows its line.

    Attributes:
        path: Where, relative to whoever reports it.
        message: What was given and what is allowed.
        at_key: Whether the key itself is wrong, not its value.
    """

    path: Path
    message: str
    at_key: bool = False


class AbsentError(AttributeError):
    """A value was refused by its own check, so nothing can be said about it."""


Rule = Callable[[Any], Iterator[Fault]]


def rule(method: Rule) -> Rule:
    """Mark a method of a `Part` as a rule over several of its fields.

    Args:
        method: Yields faults with paths relative to the part.

    Returns:
        The same method.
    """
    method.is_rule = True  # type: ignore[attr-defined]  # functions carry attributes, their type doesn't say so
    return method


def left_out() -> Any:
    """Return the default of a section: nothing is written, so all of its own defaults hold.

    Returns:
        An empty mapping, which the field's type makes a part of. A part made here would be built at
        import, and building is what takes the time.
    """
    return {}


class Part(BaseModel):
    """A section of a scenario file."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, defer_build=True)

    shorthands: ClassVar[tuple[str, ...]] = ()
    """Single words that may stand for the section; each sets the field of its name to true."""

    hints: ClassVar[Mapping[str, str]] = {}
    """Unknown keys that users may well try, and what to tell them."""

    rules: ClassVar[tuple[Rule, ...]] = ()

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Collect the marked methods."""
        super().__pydantic_init_subclass__(**kwargs)
        own = (value for value in vars(cls).values() if isinstance(value, FunctionType))
        cls.rules = (*cls.rules, *(method for method in own if hasattr(method, "is_rule")))

    if not TYPE_CHECKING:  # a type checker would believe that every name exists

        def __getattr__(self, name: str) -> Any:
            """Tell a value that was left out from a name that never existed."""
            if name in type(self).model_fields:
                raise AbsentError(name)
            return super().__getattr__(name)

    @classmethod
    def expand(cls, data: Any) -> Any:
        """Return the section's mapping for a shorter way to write it; anything else as it is."""
        return {data: True} if isinstance(data, str) and data in cls.shorthands else data

    @model_validator(mode="wrap")
    @classmethod
    def _validate(cls, data: Any, handler: Handler[Self], info: ValidationInfo) -> Self:
        if info.context is not SALVAGE:
            return handler(cls.expand(data))
        try:
            data = cls.expand(data)
            return handler(data)
        except ValueError:
            return cls._salvage(data)

    @classmethod
    def _salvage(cls, data: Any) -> Self:
        """Return an instance that holds only those fields which are good."""
        good = {}
        given = cls.model_fields.keys() & data.keys() if isinstance(data, dict) else set()
        for name, field in cls.model_fields.items() if isinstance(data, dict) else ():
            if name not in given and field.is_required():
                continue
            value = data.get(name, field.default)
            with suppress(ValidationError):
                adapter: TypeAdapter[Any] = TypeAdapter(field.rebuild_annotation())
                good[name] = adapter.validate_python(value, context=SALVAGE)
        part = cls.model_construct(_fields_set=given, **good)
        for name in cls.model_fields.keys() - good.keys():
            part.__dict__.pop(name, None)
        return part

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Let the shorthands stand beside the mapping."""
        schema = handler(core_schema)
        if not cls.shorthands:
            return schema
        described = handler.resolve_ref_schema(schema)
        mapping = dict(described)
        described.clear()
        described.update({"anyOf": [*({"const": word} for word in cls.shorthands), mapping]})
        return schema


def parts_of(value: object, path: Path = (), without: Container[str] = ()) -> Iterator[tuple[Path, Part]]:
    """Yield every part below a value, outer ones first, with its path.

    Args:
        value: A part, or what a field of one holds.
        path: Where it stands.
        without: Fields of the part itself that are not looked into.

    Yields:
        Path and part; parts that were left out are skipped.
    """
    if isinstance(value, Part):
        yield path, value
        for name in type(value).model_fields:
            if name in without:
                continue
            yield from parts_of(value.__dict__.get(name), (*path, name))
    elif isinstance(value, tuple):
        for i_item, item in enumerate(value):
            yield from parts_of(item, (*path, i_item))
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from parts_of(item, (*path, key))


def is_by_name(annotation: Any) -> bool:
    """Tell whether a field holds entries by names that the user gives them."""
    return get_origin(annotation) is dict or any(map(is_by_name, get_args(annotation)))


def part_in(annotation: Any) -> type[Part] | None:
    """Return the part that a field holds, possibly in a list; None if it holds none."""
    if isinstance(annotation, type) and issubclass(annotation, Part):
        return annotation
    return next(filter(None, map(part_in, get_args(annotation))), None)


def known(part: Part, name: str) -> Any:
    """Return the value of a field, or None if it was refused.

    Returns:
        The value.
    """
    return part.__dict__.get(name)


def is_given(part: Part, name: str) -> bool:
    """Tell whether the file gives a field a value, be it a good one or one that was refused.

    Returns:
        False also for an explicit null.
    """
    return name in part.model_fields_set and part.__dict__.get(name, "refused") is not None


def gather(faults: Iterable[Fault]) -> list[Fault]:
    """Return what a rule finds until it meets a value that was refused.

    Args:
        faults: A rule at work.

    Returns:
        The faults found before that.
    """
    found = []
    with suppress(AbsentError):
        for fault in faults:
            found.append(fault)  # noqa: PERF402 - a comprehension would lose what came before AbsentError
    return found


def own_faults(top: Part, checked: Container[str] = ()) -> Iterator[Fault]:
    """Yield the breaches of the rules of a part and of every part below it.

    Args:
        top: Usually a whole scenario.
        checked: Fields of it that are known to keep their rules.

    Yields:
        Faults with paths from `top`.
    """
    for path, part in parts_of(top, without=checked):
        for check in part.rules:
            for fault in gather(check(part)):
                yield fault._replace(path=(*path, *fault.path))


def dotted(path: Path) -> str:
    """Return a path as messages write it, like `fleet.cohorts[1].link_rate`.

    Args:
        path: Keys and list positions.

    Returns:
        The text; empty for the whole document.
    """
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text
