"""Dry runs and jobs: look, confirm, watch, stop, resume."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from dashboard.data.dry_runs import DryRun
from dashboard.site import command_lines
from dashboard.site.forms import text_of, why_of
from dashboard.site.render import live, render
from dashboard.site.state import SESSION, STATE, form_of
from stream.dlq.index import LetterFilter
from stream.job_service import kind_of
from stream.jobs.replay import ReplayRange
from stream.kafka.log.leader_questions import name_silent
from stream.ops.masking import mask_record


async def run_draft(request: web.Request) -> web.StreamResponse:
    """Make a job of what was looked at, and run it."""
    draft, form = _find_draft(request), form_of(request)
    try:
        why = why_of(form)
    except ValueError as error:
        return render(request, "draft.html", status=400, **_draft(request, str(error)))
    job_id = await request.app[STATE].desk.start(draft, who=request[SESSION].who, why=why)
    raise web.HTTPSeeOther(f"/jobs/{job_id}")


async def jobs_page(request: web.Request) -> web.StreamResponse:
    desk = request.app[STATE].desk
    jobs = await desk.listed()
    return render(request, "jobs.html", jobs=jobs, unread=desk.unread, command="orderstream jobs")


async def stop_job(request: web.Request) -> web.StreamResponse:
    """Stop a job that runs here, after the chunk in hand; the stop is on record."""
    job_id = request.match_info["id"]
    job = request.app[STATE].desk.find(job_id)
    if job is None or not job.is_running:
        raise web.HTTPConflict(text="This job does not run in this dashboard.")
    operator = request.app[STATE].desk.operator(request[SESSION].who)
    why = text_of(form_of(request), "why")
    await operator.record("job-stop-asked", why=why, job_id=job_id)
    job.stop.set()
    raise web.HTTPSeeOther(f"/jobs/{job_id}")


async def resume_job(request: web.Request) -> web.StreamResponse:
    job_id = request.match_info["id"]
    await request.app[STATE].desk.resume(job_id, who=request[SESSION].who)
    raise web.HTTPSeeOther(f"/jobs/{job_id}")


def _find_draft(request: web.Request) -> DryRun:
    draft = request.app[STATE].drafts.find(request.match_info["id"])
    if draft is None:
        raise web.HTTPNotFound(text="This dry run is gone: make it again.")
    return draft


def _draft(request: web.Request, problem: str = "") -> dict[str, Any]:
    draft = _find_draft(request)
    return {
        "draft": draft,
        "changes": [mask_record(_change(change)) for change in draft.changes],
        "problem": problem,
        "dry_command": _command(draft, run=False),
        "run_command": _command(draft, run=True),
        "can_run": request[SESSION].is_operator and draft.is_done and draft.events > 0,
    }


def _command(draft: DryRun, *, run: bool) -> str:
    why = "…" if run else ""
    if isinstance(draft.wanted, ReplayRange):
        return command_lines.replay(draft.wanted, rate=draft.rate, why=why, run=run)
    wanted: LetterFilter = draft.wanted
    return command_lines.requeue(wanted, rate=draft.rate, limit=draft.limit, why=why, run=run)


def _change(change: Any) -> dict[str, Any]:
    """Return a change as data whose field names say what is personal."""
    return {
        "key": change.key,
        "problem": change.problem,
        "is_unchanged": change.is_unchanged,
        "rows": [
            {
                "sobject": row.sobject,
                "external_id": row.external_id,
                "is_new": row.is_new,
                "fields": [
                    {
                        "name": field.name,
                        "now": field.now,
                        "then": field.then,
                    }
                    for field in row.changes
                ],
            }
            for row in change.rows
            if row.is_new or row.changes
        ],
    }


async def _job(request: web.Request) -> dict[str, Any]:
    state, job_id = request.app[STATE], request.match_info["id"]
    running = state.desk.find(job_id)
    listed = None
    if running is None or not running.is_running:
        listed = next((job for job in await state.desk.listed() if job["job_id"] == job_id), None)
    if running is None and listed is None and state.desk.unread:
        said = f"It is not known whether there is such a job: {state.desk.unread}."
        raise web.HTTPServiceUnavailable(text=said)
    if running is None and listed is None:
        raise web.HTTPNotFound(text="There is no such job.")
    return {
        "job_id": job_id,
        "kind": kind_of(job_id).value,
        "running": running,
        "listed": listed,
        "outcomes": state.watch.balance.job_outcomes(job_id),
        "balance": state.watch.balance.balance,
        "unread": name_silent(state.watch.balance.unread),
        "command": command_lines.resume(job_id),
    }


ROUTES = (
    *live("/drafts/{id}", "draft", _draft),
    web.post("/drafts/{id}/run", run_draft),
    web.get("/jobs", jobs_page),
    *live("/jobs/{id}", "job", _job),
    web.post("/jobs/{id}/stop", stop_job),
    web.post("/jobs/{id}/resume", resume_job),
)
