"""One dead letter: its story and payload, masked until somebody asks on record, and its edit."""

from __future__ import annotations

import asyncio

from aiohttp import web

from agents.salesforce.errors.fixes import letter_advice
from dashboard.site.forms import why_of
from dashboard.site.render import render
from dashboard.site.state import SESSION, STATE, form_of
from schemas.codec import DecodeError
from schemas.event import Envelope
from stream.dlq.edit import changed_fields, requeue_edited
from stream.dlq.open_letters import DeadLetter
from stream.dlq.view import indented, payload_of, readable, story_of
from stream.errors import JobError


async def letter_page(request: web.Request) -> web.StreamResponse:
    letter, envelope = await _read(request)
    return await _page(request, letter, envelope)


async def unmask(request: web.Request) -> web.StreamResponse:
    """Show personal data once, after it is on record who wanted to see it, and why.

    Opened for editing it is shown as well.
    """
    letter, envelope = await _read(request)
    try:
        why = why_of(form_of(request))
    except ValueError as error:
        return await _page(request, letter, envelope, problem=str(error), status=400)
    operator = request.app[STATE].desk.operator(request[SESSION].who)
    detail = {"command": f"dashboard letter {letter.id}", "event_id": letter.event_id}
    await operator.record("unmask", why=why, detail=detail)
    if request.path.endswith("/unmask"):
        return await _page(request, letter, envelope, is_masked=False)
    return _editor(request, letter, await asyncio.to_thread(readable, envelope.value), why=why)


async def edit(request: web.Request) -> web.StreamResponse:
    """Check the new payload and requeue it; the original stays where it is."""
    state, form = request.app[STATE], form_of(request)
    letter, envelope = await _read(request)
    payload = form.get("payload", "")
    text = payload if isinstance(payload, str) else ""
    # Browsers send line ends as CRLF.
    value = text.replace("\r\n", "\n").encode()
    why = str(form.get("why", ""))
    try:
        why = why_of(form)
        fields = _changes(envelope, value)
        job_id = await requeue_edited(
            state.settings,
            state.desk.operator(request[SESSION].who),
            letter,
            envelope,
            value=value,
            why=why,
        )
    except (ValueError, DecodeError, JobError) as error:
        return _editor(request, letter, text, why=why, problem=str(error), status=400)
    return render(
        request,
        "done.html",
        title=f"Requeued {letter.id} with your edit",
        text=f"It goes to the workers as {job_id}. Changed: {', '.join(fields)}.",
        back=f"/trace?target={envelope.event_id}",
        command=f"orderstream trace {envelope.event_id}",
    )


def _changes(envelope: Envelope, value: bytes) -> list[str]:
    if fields := changed_fields(envelope.value, value):
        return fields
    raise ValueError("Nothing was changed.")


async def _read(request: web.Request) -> tuple[DeadLetter, Envelope]:
    state = request.app[STATE]
    letter, unknown = state.watch.shelf.find(request.match_info["id"]), state.watch.shelf.unknown
    if letter is None and unknown:
        said = f"It is not known whether there is such a dead letter: {unknown}."
        raise web.HTTPServiceUnavailable(text=said)
    if letter is None:
        raise web.HTTPNotFound(text="There is no such open dead letter: it may be resolved.")
    return letter, await state.payloads.read(letter)


async def _page(
    request: web.Request,
    letter: DeadLetter,
    envelope: Envelope,
    *,
    is_masked: bool = True,
    problem: str = "",
    status: int = 200,
) -> web.Response:
    # In a thread: a payload may be megabytes, and others wait for their pages.
    payload = await asyncio.to_thread(_shown_payload, envelope, is_masked=is_masked)
    return render(
        request,
        "letter.html",
        status=status,
        letter=letter,
        key=letter.key,
        verdict=letter_advice(letter),
        story=story_of(envelope, is_masked=is_masked),
        payload=payload,
        is_masked=is_masked,
        problem=problem,
        command=f"orderstream dlq show {letter.id}{'' if is_masked else ' --unmask'}",
    )


def _shown_payload(envelope: Envelope, *, is_masked: bool) -> str:
    payload = payload_of(envelope, is_masked=is_masked)
    return payload if isinstance(payload, str) else indented(payload)


def _editor(
    request: web.Request,
    letter: DeadLetter,
    text: str,
    *,
    why: str,
    problem: str = "",
    status: int = 200,
) -> web.Response:
    command = f"orderstream dlq edit {letter.id} --why …"
    return render(
        request,
        "letter_edit.html",
        status=status,
        letter=letter,
        text=text,
        why=why,
        problem=problem,
        command=command,
    )


LETTER = r"/letters/{id:\d+-\d+}"
ROUTES = (
    web.get(LETTER, letter_page),
    web.post(LETTER + "/unmask", unmask),
    web.post(LETTER + "/open", unmask),
    web.post(LETTER + "/edit", edit),
)
