"""Who may call: one key pair, one token, one project; from the environment, a file, or made up.

Source:
    Names of the four values: the environment variables that scripts and tests set. Form of the project
    id: 32 hexadecimal digits, as the vendor's console shows them.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from sim.atomic_files import write_whole
from sim.errors import Problem, ScenarioError

FILE_NAME: Final = "credentials"

_VARIABLES: Final = {
    "ak": "FLEETSIM_AK",
    "sk": "FLEETSIM_SK",
    "token": "FLEETSIM_TOKEN",
    "project_id": "FLEETSIM_PROJECT_ID",
}
_FORMS: Final = {
    "ak": ("[A-Za-z0-9_-]{1,128}", "1 to 128 letters, digits, '_' and '-'"),
    "sk": ("[!-~]{1,256}", "1 to 256 printable ASCII characters without spaces"),
    "token": ("[!-~]{1,16384}", "1 to 16384 printable ASCII characters without spaces"),
    "project_id": ("[0-9a-f]{32}", "32 hexadecimal digits in lower case"),
}


@dataclass(frozen=True)
class Credentials:
    """What a caller must know. Its text shows no secret.

    Attributes:
        ak: Access key, public.
        sk: Secret key that signs requests.
        token: What `X-Auth-Token` must be.
        project_id: The only project there is.
    """

    ak: str
    sk: str = field(repr=False)
    token: str = field(repr=False)
    project_id: str


def from_environment(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the values that the environment sets, by field of `Credentials`.

    Args:
        environment: Variables; those of the process if None.

    Raises:
        ScenarioError: A value has a wrong form.
    """
    variables = os.environ if environment is None else environment
    found = {name: variables[key] for name, key in _VARIABLES.items() if variables.get(key)}
    return _checked(found, "the environment")


def from_file(path: Path) -> dict[str, str]:
    """Return the values in a file of lines like `FLEETSIM_AK=...`, by field of `Credentials`.

    Args:
        path: The file. Empty lines and lines that begin with `#` are passed over.

    Raises:
        ScenarioError: The file can't be read, or something in it is wrong.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "is not UTF-8"
        raise ScenarioError([Problem("", f"can't be read: {reason}", file=str(path))]) from None
    names = {key: name for name, key in _VARIABLES.items()}
    found = {}
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip().removeprefix("export ")
        if not stripped or stripped.startswith("#"):
            continue
        key, equals, value = stripped.partition("=")
        if not equals or key not in names:
            message = f"expected one of {', '.join(names)}, then '=' and its value"
            raise ScenarioError([Problem("", message, line=number, file=str(path))])
        found[names[key]] = value.strip("'\"")
    return _checked(found, str(path))


def _checked(found: dict[str, str], place: str) -> dict[str, str]:
    """Return the values if their forms are right; the messages show no value."""
    problems = []
    for name, value in found.items():
        form, words = _FORMS[name]
        if re.fullmatch(form, value) is None:
            problems.append(Problem(_VARIABLES[name], f"must be {words}", file=place))
    if ("ak" in found) != ("sk" in found):
        message = f"{_VARIABLES['ak']} and {_VARIABLES['sk']} come together"
        problems.append(Problem("", message, file=place))
    if problems:
        raise ScenarioError(problems)
    return found


def generated() -> dict[str, str]:
    """Return fresh values for all four fields."""
    return {
        "ak": secrets.token_hex(10).upper(),
        "sk": secrets.token_urlsafe(30),
        "token": secrets.token_urlsafe(48),
        "project_id": secrets.token_hex(16),
    }


def find_credentials(
    state: Path, *, file: Path | None = None, environment: Mapping[str, str] | None = None
) -> tuple[Credentials, str]:
    """Return the credentials of a server, and those of them that are new as lines of a file.

    The environment wins over `file`, and both over what the state folder remembers. What is set nowhere
    is generated and stored in the state folder, for its owner's eyes only.

    Args:
        state: The state folder, which exists.
        file: A file of credentials, if the user named one.
        environment: Variables; those of the process if None.

    Raises:
        ScenarioError: A value has a wrong form, or a file can't be read.
    """
    given = {**(from_file(file) if file is not None else {}), **from_environment(environment)}
    store = state / FILE_NAME
    stored = from_file(store) if store.exists() else {}
    known = {**stored, **given}
    fresh = {name: value for name, value in generated().items() if name not in known}
    if fresh:
        # Nobody else may read it, at any time.
        write_whole(store, _lines({**stored, **fresh}), mode=0o600, durable=True)
    return Credentials(**{**fresh, **known}), _lines(fresh)


def is_exposed(path: Path) -> bool:
    """Tell whether others than its owner can read a file of credentials."""
    return os.name == "posix" and path.exists() and bool(path.stat().st_mode & 0o077)


def _lines(values: Mapping[str, str]) -> str:
    """Return values by field as lines of a credentials file."""
    return "".join(f"{key}={values[name]}\n" for name, key in _VARIABLES.items() if name in values)
