"""OTA packages: a record each. Devices load nothing but the scenario's size, and report the version they run.

Source:
    SDK client, operations create, list, show and delete of OTA packages; product description,
    Limitations (packages of a resource space). Not documented, hence our choice: the order of a list and
    its paging are those of tasks; a package may be deleted while a task uses it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from sim.campaign import Paging
from sim.emulator.schemas import CreateOtaPackage, FileLocation, ObsLocation, PackageType
from sim.rules import Limits, TaskType, codes

PACKAGES_PER_SPACE: Final = 200

_FIRST_ID: Final = 1 << 88
_TYPE_OF_TASK: Final[dict[TaskType, PackageType]] = {
    TaskType.FIRMWARE_UPGRADE: "firmwarePackage",
    TaskType.SOFTWARE_UPGRADE: "softwarePackage",
}


@dataclass(frozen=True)
class OtaPackage:
    """A package.

    Attributes:
        number: Counts the packages, from 1.
        fields: What it was created from.
        created_s: When, seconds since the start of the run.
    """

    number: int
    fields: CreateOtaPackage
    created_s: float

    @property
    def package_id(self) -> str:
        """24 hexadecimal digits; newer packages have larger ids."""
        return f"{_FIRST_ID + self.number:024x}"


@dataclass(frozen=True)
class PackagePage:
    """One page of packages, newest first.

    Attributes:
        packages: The packages on the page.
        count: How many match in all.
        marker: Id of the last one on the page, None on an empty page.
    """

    packages: tuple[OtaPackage, ...]
    count: int
    marker: str | None


class PackageStore:
    """All packages of a session."""

    def __init__(self, task_type: str, version: str) -> None:
        """Put the scenario's package into the store.

        Args:
            task_type: Type of the tasks that it is for.
            version: Its version.
        """
        self._packages: dict[str, OtaPackage] = {}
        self._n_created = 0
        # Nothing is ever read from there; the names only have the right form.
        nowhere = ObsLocation(region_name="region-1", bucket_name="scenario", object_key=f"{version}.bin")
        first = CreateOtaPackage(
            app_id="default",
            package_type=_TYPE_OF_TASK[TaskType(task_type)],
            product_id="scenario",
            version=version,
            file_location=FileLocation(obs_location=nowhere),
        )
        self.create(first, 0.0)

    def create(self, fields: CreateOtaPackage, now_s: float) -> OtaPackage:
        """Add a package.

        Args:
            now_s: Seconds since the start of the run.

        Raises:
            ApiError: The resource space is full.
        """
        space = [one for one in self._packages.values() if one.fields.app_id == fields.app_id]
        if len(space) >= PACKAGES_PER_SPACE:
            raise codes.INVALID_INPUT.api_error(f"a resource space holds {PACKAGES_PER_SPACE} packages")
        self._n_created += 1
        package = OtaPackage(self._n_created, fields, now_s)
        self._packages[package.package_id] = package
        return package

    def get(self, package_id: str) -> OtaPackage:
        """Return a package.

        Args:
            package_id: Its id.

        Raises:
            ApiError: There is none with that id.
        """
        package = self._packages.get(package_id)
        if package is None:
            raise codes.PACKAGE_NOT_FOUND.api_error()
        return package

    def delete(self, package_id: str) -> OtaPackage:
        """Take a package away and return it.

        Args:
            package_id: Its id.

        Raises:
            ApiError: There is none with that id.
        """
        package = self.get(package_id)
        del self._packages[package_id]
        return package

    def version_in(self, task_type: TaskType, document: dict[str, object] | None) -> str | None:
        """Return the version of the package that a task's document names.

        Args:
            task_type: Type of the task.
            document: The task's document.

        Returns:
            None if the task needs no package.

        Raises:
            ApiError: It names none, several, an unknown one, or one of another type.
        """
        expected = _TYPE_OF_TASK.get(task_type)
        if expected is None:
            return None
        ids = (document or {}).get("package_ids")
        if not isinstance(ids, list) or len(ids) != 1 or not isinstance(ids[0], str):
            raise codes.INVALID_INPUT.api_error("document.package_ids must be a list of one package id")
        package = self.get(ids[0])
        if package.fields.package_type != expected:
            raise codes.INVALID_INPUT.api_error(f"a {task_type.value} needs a package of type {expected}")
        return package.fields.version

    def page(self, paging: Paging, limits: Limits, **wanted: str | None) -> PackagePage:
        """Return one page of the packages that match.

        Args:
            **wanted: Value by field of `CreateOtaPackage`; None for any.

        Raises:
            ApiError: Paging is out of bounds.
        """
        size = paging.size(limits)
        matching = [
            one
            for one in self._packages.values()
            if all(value is None or getattr(one.fields, name) == value for name, value in wanted.items())
        ]
        below = paging.marker or "g"  # after every hexadecimal digit
        older = [one for one in reversed(matching) if one.package_id < below]
        page = tuple(older[paging.offset : paging.offset + size])
        return PackagePage(page, len(matching), page[-1].package_id if page else None)

    def restore(self, state: Iterable[tuple[str, str, float]], n_created: int) -> None:
        """Take the packages of another store instead of one's own.

        Args:
            state: What its `state` returned.
            n_created: How many had been created in it.
        """
        self._n_created = n_created
        self._packages = {
            key: OtaPackage(int(key, 16) - _FIRST_ID, CreateOtaPackage.model_validate_json(fields), created_s)
            for key, fields, created_s in state
        }

    @property
    def n_created(self) -> int:
        """Packages created so far, deleted ones included."""
        return self._n_created

    def state(self) -> list[tuple[str, str, float]]:
        """Return what tells two stores apart: id, fields as JSON and time of each package."""
        return [(key, one.fields.model_dump_json(), one.created_s) for key, one in self._packages.items()]
