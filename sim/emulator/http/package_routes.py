"""Routes of OTA packages."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Request, Response

from sim.emulator import schemas
from sim.emulator.http import wire
from sim.emulator.http.openapi import described
from sim.emulator.http.requests import DirectRoute, body_of, path_of, query_of
from sim.emulator.http.responses import json_response, no_content, session_of
from sim.emulator.journal.commands import CreatePackage, DeletePackage

router: Final = APIRouter(
    prefix="/v5/iot/{project_id}/ota-upgrades/packages",
    default_response_class=Response,
    route_class=DirectRoute,
)


@router.post(
    "",
    status_code=201,
    openapi_extra=described(
        "project_id", body=schemas.CreateOtaPackage, answer=schemas.OtaPackageWithLocation, status=201
    ),
)
async def create_ota_package(request: Request) -> Response:
    """Create an OTA package."""
    body = await body_of(request, schemas.CreateOtaPackage)
    session = session_of(request)
    done = session.execute(CreatePackage(body))
    shown = wire.package_object(done.answer, session.world.calendar, location=True)
    return json_response(wire.to_json(shown), 201, seq=done.seq)


@router.get(
    "",
    openapi_extra=described(
        "project_id", query=schemas.ListPackagesQuery, answer=schemas.ListOtaPackagesAnswer
    ),
)
async def list_ota_package_info(request: Request) -> Response:
    """List OTA packages of one type, newest first."""
    query = query_of(request, schemas.ListPackagesQuery)
    world = session_of(request).look()
    page = world.packages.page(
        query.paging(),
        world.service.limits,
        package_type=query.package_type,
        app_id=query.app_id,
        product_id=query.product_id,
        version=query.version,
    )
    shown = {
        "packages": [wire.package_object(one, world.calendar, location=False) for one in page.packages],
        "page": wire.page_object(page),
    }
    return json_response(wire.to_json(shown))


@router.get(
    "/{package_id}",
    openapi_extra=described("project_id", "package_id", answer=schemas.OtaPackageWithLocation),
)
async def show_ota_package(request: Request) -> Response:
    """Show an OTA package."""
    package_id = path_of(request, "package_id")
    world = session_of(request).look()
    shown = wire.package_object(world.packages.get(package_id), world.calendar, location=True)
    return json_response(wire.to_json(shown))


@router.delete(
    "/{package_id}", status_code=204, openapi_extra=described("project_id", "package_id", status=204)
)
async def delete_ota_package(request: Request) -> Response:
    """Delete an OTA package."""
    package_id = path_of(request, "package_id")
    return no_content(session_of(request).execute(DeletePackage(package_id)).seq)
