"""Routes of batch tasks: translate a request into a command or a query, and the answer into JSON."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Request, Response

from sim.emulator import schemas
from sim.emulator.http import wire
from sim.emulator.http.openapi import described
from sim.emulator.http.requests import DirectRoute, body_of, path_of, query_of
from sim.emulator.http.responses import json_response, no_content, session_of
from sim.emulator.journal.commands import CallTask, CreateTask
from sim.rules import Call, SubtaskState, TaskState, TaskType, codes

router: Final = APIRouter(
    prefix="/v5/iot/{project_id}", default_response_class=Response, route_class=DirectRoute
)

_CALLED: Final = described(
    "project_id", "task_id", body=schemas.BatchTargets, answer=schemas.BatchTargetsAnswer
)


@router.post(
    "/batchtasks",
    status_code=201,
    openapi_extra=described(
        "project_id", body=schemas.CreateBatchTask, answer=schemas.TaskAnswer, status=201
    ),
)
async def create_batch_task(request: Request) -> Response:
    """Create a batch task."""
    body = await body_of(request, schemas.CreateBatchTask)
    session = session_of(request)
    done = session.execute(CreateTask(body))
    shown = wire.task_object(done.answer, session.world, all_targets=True)
    return json_response(wire.to_json(shown), 201, seq=done.seq)


@router.get(
    "/batchtasks",
    openapi_extra=described("project_id", query=schemas.ListTasksQuery, answer=schemas.ListBatchTasksAnswer),
)
async def list_batch_tasks(request: Request) -> Response:
    """List batch tasks of one type, newest first."""
    query = query_of(request, schemas.ListTasksQuery)
    world = session_of(request).look()
    page = world.service.list_batch_tasks(
        app_id=query.app_id,
        task_type=TaskType(query.task_type),
        status=None if query.status is None else TaskState(query.status),
        paging=query.paging(),
    )
    shown = {
        "batchtasks": [wire.task_object(task, world) for task in page.tasks],
        "page": wire.page_object(page),
    }
    return json_response(wire.to_json(shown))


@router.get(
    "/batchtasks/{task_id}",
    openapi_extra=described(
        "project_id", "task_id", query=schemas.ShowTaskQuery, answer=schemas.ShowBatchTaskAnswer
    ),
)
async def show_batch_task(request: Request) -> Response:
    """Show a batch task with one page of its subtasks."""
    task_id, query = path_of(request, "task_id"), query_of(request, schemas.ShowTaskQuery)
    world = session_of(request).look()
    state = query.task_detail_status
    view = world.service.show_batch_task(
        task_id,
        task_detail_status=None if state is None else SubtaskState.from_wire(state),
        target=query.target,
        paging=query.paging(),
    )
    shown = {
        "batchtask": wire.task_object(view.task, world),
        "task_details": [wire.detail_object(detail) for detail in view.details],
        "page": wire.page_object(view),
    }
    return json_response(wire.to_json(shown))


@router.delete(
    "/batchtasks/{task_id}", status_code=204, openapi_extra=described("project_id", "task_id", status=204)
)
async def delete_batch_task(request: Request) -> Response:
    """Delete a batch task that is over."""
    task_id = path_of(request, "task_id")
    return no_content(session_of(request).execute(CallTask(Call.DELETE, task_id)).seq)


async def _call(request: Request, call: Call) -> Response:
    """Answer retry, stop or confirm."""
    task_id, body = path_of(request, "task_id"), await body_of(request, schemas.BatchTargets)
    session = session_of(request)
    named = None if body.targets is None else tuple(body.targets)
    done = session.execute(CallTask(call, task_id, named))
    ids = session.world.service.names.ids_of(done.answer.accepted) if named is None else None
    return json_response(wire.call_body(done.answer, ids), seq=done.seq)


@router.post("/batchtasks/{task_id}/retry", openapi_extra=_CALLED)
async def retry_batch_task(request: Request) -> Response:
    """Re-execute failed and stopped subtasks."""
    return await _call(request, Call.RETRY)


@router.post("/batchtasks/{task_id}/stop", openapi_extra=_CALLED)
async def stop_batch_task(request: Request) -> Response:
    """Stop subtasks that are not over."""
    return await _call(request, Call.STOP)


@router.post("/batchtasks/{task_id}/confirm", openapi_extra=_CALLED)
async def confirm_batch_task(request: Request) -> Response:
    """Let subtasks start that wait for a confirmation."""
    return await _call(request, Call.CONFIRM)


async def not_implemented(request: Request) -> Response:
    """Refuse an operation that the vendor has and the simulator has not."""
    raise codes.NOT_IMPLEMENTED.api_error("Task files are for other task types than upgrades")


router.add_route("/v5/iot/{project_id}/batchtask-files", not_implemented, ["POST", "GET"])
router.add_route("/v5/iot/{project_id}/batchtask-files/{file_id}", not_implemented, ["DELETE"])
