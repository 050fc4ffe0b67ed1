"""Commands: everything that changes the world, as the journal holds it.

A command knows how to act upon a world and how to be written down; it knows neither HTTP nor time. What
it leads to is summed up in a fingerprint, by which a replay is checked command by command.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol

from sim.campaign import BatchTask, CallAnswer
from sim.emulator.packages import OtaPackage
from sim.emulator.schemas import CreateBatchTask, CreateOtaPackage
from sim.errors import ModelError
from sim.rules import Call

if TYPE_CHECKING:
    from sim.emulator.world import World

Answer = BatchTask | CallAnswer | OtaPackage | None

FINGERPRINT_BYTES = 16


class Command(Protocol):
    """What the journal can hold."""

    kind: ClassVar[str]

    def encode(self) -> bytes:
        """Return the command as JSON."""

    def act(self, world: World) -> Answer:
        """Carry the command out.

        Raises:
            ApiError: It is refused, and nothing has changed.
        """


@dataclass(frozen=True)
class CreateTask:
    """Create a task."""

    body: CreateBatchTask
    kind: ClassVar[str] = "create_task"

    def encode(self) -> bytes:
        """Return the body as it came, without what was not set."""
        return self.body.model_dump_json(exclude_unset=True).encode()

    def act(self, world: World) -> BatchTask:
        """Create the task."""
        return world.create_task(self.body)


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

    def act(self, world: World) -> CallAnswer:
        """Call the service."""
        service = world.service
        if self.call is Call.DELETE:
            answer = service.delete_batch_task(self.task_id, caller="api")
        else:
            make = {
                Call.RETRY: service.retry_batch_task,
                Call.STOP: service.stop_batch_task,
                Call.CONFIRM: service.confirm_batch_task,
            }[self.call]
            answer = make(self.task_id, self.targets, caller="api")
        return answer.raise_for_refusal()


@dataclass(frozen=True)
class CreatePackage:
    """Create an OTA package."""

    body: CreateOtaPackage
    kind: ClassVar[str] = "create_package"

    def encode(self) -> bytes:
        """Return the body as it came, without what was not set."""
        return self.body.model_dump_json(exclude_unset=True).encode()

    def act(self, world: World) -> OtaPackage:
        """Create the package."""
        return world.packages.create(self.body, world.now_s)


@dataclass(frozen=True)
class DeletePackage:
    """Delete an OTA package."""

    package_id: str
    kind: ClassVar[str] = "delete_package"

    def encode(self) -> bytes:
        """Return the id."""
        return json.dumps({"package_id": self.package_id}).encode()

    def act(self, world: World) -> OtaPackage:
        """Delete the package."""
        return world.packages.delete(self.package_id)


@dataclass(frozen=True)
class Advance:
    """Let time pass up to the command's time."""

    kind: ClassVar[str] = "advance"

    def encode(self) -> bytes:
        """Return an empty object: the journal has the time."""
        return b"{}"

    def act(self, world: World) -> None:
        """Do nothing: every command begins with the world at its time."""


def _call_task(body: bytes) -> CallTask:
    fields = json.loads(body)
    targets = fields.get("targets")
    named = None if targets is None else tuple(targets)
    return CallTask(Call(fields["call"]), fields["task_id"], named)


_DECODERS: dict[str, Callable[[bytes], Command]] = {
    CreateTask.kind: lambda body: CreateTask(CreateBatchTask.model_validate_json(body)),
    CallTask.kind: _call_task,
    CreatePackage.kind: lambda body: CreatePackage(CreateOtaPackage.model_validate_json(body)),
    DeletePackage.kind: lambda body: DeletePackage(json.loads(body)["package_id"]),
    Advance.kind: lambda _: Advance(),
}


def decode(kind: str, body: bytes) -> Command:
    """Return a command from the journal.

    Args:
        kind: Its kind.
        body: What `encode` returned.

    Raises:
        ModelError: There is no such kind.
    """
    decoder = _DECODERS.get(kind)
    if decoder is None:
        raise ModelError(f"the journal has a command of unknown kind {kind!r}")
    return decoder(body)


def fingerprint(answer: Answer, world: World) -> bytes:
    """Return what sums up the outcome of a command.

    Args:
        answer: What it answered.
        world: The world right after it.

    Returns:
        Bytes that differ when the same command had another outcome.
    """
    digest = hashlib.sha256(world.fleet.counts().tobytes())
    if isinstance(answer, BatchTask):
        digest.update(f"{answer.task_id} {len(answer)}".encode())
        digest.update(answer.devices.data)
    elif isinstance(answer, CallAnswer):
        digest.update(f"{answer.task_id} {answer.http_status} {answer.refused}".encode())
        digest.update(answer.accepted.tobytes())
    elif isinstance(answer, OtaPackage):
        digest.update(answer.package_id.encode())
    return digest.digest()[:FINGERPRINT_BYTES]
