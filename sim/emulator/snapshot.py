"""A state kept beside the journal, so that a start need not live through all of it again.

Decision: the journal stays what counts, and a snapshot is no more than a short cut through it. It names the
command after which it was taken, by number and by the chain's hash, and it carries the digest of the state;
if anything of that is not so, or its form is not ours, the journal is replayed from its beginning. Arrays
and JSON, instead of pickled objects: a file that somebody else wrote can't run anything. Meanwhile nobody
looks for garbage: that took nearly half of the time.

It can't be taken while a task waits for a time (a scheduled start, a state that is made to last), nor when a
running clock has been looked at since the last command; it is tried again later.
"""

from __future__ import annotations

import io
import json
import math
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from sim.atomic_files import write_whole
from sim.campaign.service.task_values import restore_service, saved_service
from sim.emulator.deferred_fleet import load_compiled_plane, made, plane_saving
from sim.emulator.schemas import CreateBatchTask
from sim.emulator.world import World
from sim.errors import ModelError
from sim.garbage import collections_paused
from sim.version import __version__

FILE_NAME: Final = "journal.state"

_FORMAT: Final = 1


@collections_paused()
def take(world: World, folder: Path, *, n_commands: int, chain: bytes) -> str | None:
    """Keep a world's state; return its digest, or None if that is not possible now.

    Args:
        world: Between two commands.
        folder: The state folder.
        n_commands: Commands that it has lived through.
        chain: The chain's hash after them.

    Raises:
        OSError: The file can't be written; an earlier one stays.
    """
    fleet = made(world.fleet)
    if not isinstance(fleet, load_compiled_plane()) or math.isfinite(world.env.peek()):
        return None
    digest = world.digest()
    service, arrays = saved_service(world.service)
    about = {
        "format": _FORMAT,
        "program": __version__,
        "n_commands": n_commands,
        "chain": chain.hex(),
        "digest": digest,
        "tick": world.now_ticks,
        "service": service,
        "bodies": [
            world.bodies[task.task_id].model_dump_json(exclude_unset=True) for task in world.service.tasks
        ],
        "versions": [task.request.version for task in world.service.tasks],
        "packages": world.packages.state(),
        "n_packages": world.packages.n_created,
    }
    content = io.BytesIO()
    text = np.frombuffer(json.dumps(about, separators=(",", ":")).encode(), np.uint8)
    np.savez(content, allow_pickle=False, about=text, **arrays, **plane_saving().saved_plane(fleet))
    write_whole(folder / FILE_NAME, content.getvalue(), mode=0o600)
    return digest


class Snapshot:
    """A kept state.

    Attributes:
        n_commands: Commands that it has lived through.
        chain: The chain's hash after them.
        digest: That of the world.
    """

    def __init__(self, about: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
        """Take over what `take` has written."""
        self._about = about
        self._arrays = arrays
        self.n_commands = int(about["n_commands"])
        self.chain = bytes.fromhex(about["chain"])
        self.digest = str(about["digest"])

    @classmethod
    @collections_paused()
    def read(cls, folder: Path) -> Snapshot | None:
        """Return the one in a state folder; None if there is none, or none of ours."""
        try:
            content = io.BytesIO((folder / FILE_NAME).read_bytes())
            with np.load(content, allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
            about = json.loads(arrays.pop("about").tobytes())
            is_ours = (about["format"], about["program"]) == (_FORMAT, __version__)
            return cls(about, arrays) if is_ours else None
        except Exception:  # whatever is in that file, the journal is there
            return None

    @collections_paused()
    def restore(self, world: World) -> None:
        """Bring a new world to the kept state.

        Raises:
            ModelError: It is not what was kept.
            Exception: The file's form is not ours.
        """
        about = self._about
        world.fleet.counts()
        fleet = made(world.fleet)
        if not isinstance(fleet, load_compiled_plane()):
            raise ModelError("a kept state is one of the compiled plane")
        plane_saving().restore_plane(fleet, self._arrays)
        world.env.begin_at(about["tick"])
        bodies = [CreateBatchTask.model_validate_json(body) for body in about["bodies"]]
        requests = [world.request_of(*of) for of in zip(bodies, about["versions"], strict=True)]
        restore_service(world.service, about["service"], self._arrays, requests)
        world.bodies = {task.task_id: body for task, body in zip(world.service.tasks, bodies, strict=True)}
        world.packages.restore(about["packages"], about["n_packages"])
        if world.digest() != self.digest:
            raise ModelError("a kept state has another digest than when it was kept")
