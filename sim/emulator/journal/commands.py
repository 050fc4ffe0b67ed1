"""Commands: everything that changes the world, as the journal holds it.

A command knows how to act upon a world and how to be written down; it knows neither HTTP nor time. What
it leads to is summed up in a fingerprint, by which a replay is checked command by command.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final, Protocol, Self, TypeVar

from sim.campaign import BatchTask, CallAnswer, Holds
from sim.emulator.packages import OtaPackage
from sim.emulator.schemas import CreateBatchTask, CreateOtaPackage
from sim.errors import ModelError
from sim.rules import Call

if TYPE_CHECKING:
    from sim.emulator.world import World

FINGERPRINT_BYTES = 16

Answer = TypeVar("Answer")
"""What a kind of command answers."""


class Command(Protocol[Answer]):
    """What the journal can hold: a new kind is one class here, and its place in `_KINDS`."""

    kind: ClassVar[str]

    def encode(self) -> bytes:
        """Return the command as JSON."""

    @classmethod
    def decode(cls, body: bytes) -> Self:
        """Return the command that `encode` wrote down."""

    def act(self, world: World) -> Answer:
        """Carry the command out.

        Raises:
            ApiError: It is refused, and nothing has changed.
        """

    def outcome(self, answer: Answer) -> bytes:
        """Return what another answer of the same command would differ in."""


@dataclass(frozen=True)
class CreateTask:
    """Create a task."""

    body: CreateBatchTask
    kind: ClassVar[str] = "create_task"

    def encode(self) -> bytes:
        """Return the body as it came, without what was not set."""
        return self.body.model_dump_json(exclude_unset=True).encode()

    @classmethod
    def decode(cls, body: bytes) -> Self:
        """Return the command that `encode` wrote down."""
        return cls(CreateBatchTask.model_validate_json(body))

    def act(self, world: World) -> BatchTask:
        """Create the task."""
        return world.create_task(self.body)

    def outcome(self, answer: BatchTask) -> bytes:
        """Return the task's id, its size and its devices."""
        return f"{answer.task_id} {len(answer)}".encode() + answer.order.tobytes()


@dataclass(frozen=True)
class CallTask:
    """Retry, stop, confirm or delete a task.

    Attributes:
        call: Which of them.
        task_id: The task.
        targets: Device ids; None for the body `{}`.
    """

    call: Call
    task_id: str
    targets: tuple[str, ...] | None = None
    kind: ClassVar[str] = "call_task"

    def encode(self) -> bytes:
        """Return the call's name, the task and the targets."""
        fields: dict[str, object] = {"call": self.call.value, "task_id": self.task_id}
        if self.targets is not None:
            fields["targets"] = self.targets
        return json.dumps(fields, separators=(",", ":")).encode()

    @classmethod
    def decode(cls, body: bytes) -> Self:
        """Return the command that `encode` wrote down."""
        fields = json.loads(body)
        targets = fields.get("targets")
        return cls(Call(fields["call"]), fields["task_id"], None if targets is None else tuple(targets))

    def act(self, world: World) -> CallAnswer:
        """Call the service."""
        answer = world.service.call(self.call, self.task_id, self.targets, caller="api")
        return answer.raise_for_refusal()

    def outcome(self, answer: CallAnswer) -> bytes:
        """Return the status, the targets that were refused and the devices acted upon."""
        said = f"{answer.task_id} {answer.http_status} {answer.refused}"
        return said.encode() + answer.accepted.tobytes()


@dataclass(frozen=True)
class CreatePackage:
    """Create an OTA package."""

    body: CreateOtaPackage
    kind: ClassVar[str] = "create_package"

    def encode(self) -> bytes:
        """Return the body as it came, without what was not set."""
        return self.body.model_dump_json(exclude_unset=True).encode()

    @classmethod
    def decode(cls, body: bytes) -> Self:
        """Return the command that `encode` wrote down."""
        return cls(CreateOtaPackage.model_validate_json(body))

    def act(self, world: World) -> OtaPackage:
        """Create the package."""
        return world.packages.create(self.body, world.now_s)

    def outcome(self, answer: OtaPackage) -> bytes:
        """Return the package's id."""
        return answer.package_id.encode()


@dataclass(frozen=True)
class DeletePackage:
    """Delete an OTA package."""

    package_id: str
    kind: ClassVar[str] = "delete_package"

    def encode(self) -> bytes:
        """Return the id."""
        return json.dumps({"package_id": self.package_id}).encode()

    @classmethod
    def decode(cls, body: bytes) -> Self:
        """Return the command that `encode` wrote down."""
        return cls(json.loads(body)["package_id"])

    def act(self, world: World) -> OtaPackage:
        """Delete the package."""
        return world.packages.delete(self.package_id)

    def outcome(self, answer: OtaPackage) -> bytes:
        """Return the package's id."""
        return answer.package_id.encode()


@dataclass(frozen=True)
class HoldStates:
    """Make tasks stay `Initializing` and `Stopping` for a while.

    Attributes:
        holds: For how long.
    """

    holds: Holds
    kind: ClassVar[str] = "hold_states"

    def encode(self) -> bytes:
        """Return the times."""
        return json.dumps(self.holds._asdict()).encode()

    @classmethod
    def decode(cls, body: bytes) -> Self:
        """Return the command that `encode` wrote down."""
        return cls(Holds(**json.loads(body)))

    def act(self, world: World) -> None:
        """Tell the service."""
        world.service.hold(self.holds)

    def outcome(self, answer: None) -> bytes:
        """Return nothing."""
        return b""


@dataclass(frozen=True)
class Advance:
    """Let time pass up to the command's time."""

    kind: ClassVar[str] = "advance"

    def encode(self) -> bytes:
        """Return an empty object: the journal has the time."""
        return b"{}"

    @classmethod
    def decode(cls, body: bytes) -> Self:
        """Return the command; there is only one."""
        return cls()

    def act(self, world: World) -> None:
        """Finish the instant; every command begins with the world at its time."""
        world.finish_instant()

    def outcome(self, answer: None) -> bytes:
        """Return nothing."""
        return b""


_KINDS: Final[dict[str, type[Command[Any]]]] = {
    command.kind: command
    for command in (CreateTask, CallTask, CreatePackage, DeletePackage, HoldStates, Advance)
}


def decode(kind: str, body: bytes) -> Command[Any]:
    """Return a command from the journal.

    Args:
        kind: Its kind.
        body: What `encode` returned.

    Raises:
        ModelError: There is no such kind.
    """
    if kind not in _KINDS:
        raise ModelError(f"the journal has a command of unknown kind {kind!r}")
    return _KINDS[kind].decode(body)


def fingerprint(command: Command[Answer], answer: Answer, world: World) -> bytes:
    """Return what sums up the outcome of a command.

    Args:
        command: The command.
        answer: What it answered.
        world: The world right after it.

    Returns:
        Bytes that differ when the same command had another outcome.
    """
    digest = hashlib.sha256(world.counts().tobytes())
    digest.update(command.outcome(answer))
    return digest.digest()[:FINGERPRINT_BYTES]
