"""The dead-letter browser: groups with their fixes, lists, the dry run of a requeue, and drop."""

from __future__ import annotations

import time
from typing import Any

from aiohttp import web

from agents.salesforce.errors.fixes import Advised, letter_advice
from dashboard.data.dead_letter_pages import LetterPage, filter_of_group
from dashboard.site import command_lines
from dashboard.site.forms import (
    Fields,
    fields_of,
    letter_filter_of,
    limit_of,
    page_of,
    rate_of,
    text_of,
    why_of,
)
from dashboard.site.render import render
from dashboard.site.state import SESSION, STATE, form_of
from stream.dlq.index import LetterFilter
from stream.dlq.resolutions import drop_letters
from stream.jobs.operator_log import RELEASED
from stream.jobs.spec import DEFAULT_RATE

GROUPS_SHOWN = 100
FILTER_FIELDS = ("code", "field", "order", "store", "since", "until")
CHOOSE = "Choose letters: all of them cannot be dropped at once."
STOPPED = "dead_letters_stopped"  # the workers' alert that a cause is held back


async def letters_page(request: web.Request) -> web.StreamResponse:
    """Show the groups, or the letters that fit when something is asked for."""
    fields: dict[str, str] = {}
    try:
        fields = _asked(request)
        wanted = _filter_of(request, fields)
    except ValueError as error:
        return _groups(request, fields, str(error), status=400)
    if wanted.is_everything and "all" not in request.query:
        return _groups(request, {}, "")
    return _list(request, wanted)


async def find_letters(request: web.Request) -> web.StreamResponse:
    """Lead to the address of what was asked for: without personal data in it."""
    form = form_of(request)
    try:
        fields = fields_of(_filter_of(request, form))
    except ValueError as error:
        typed = {name: text_of(form, name) for name in FILTER_FIELDS}
        return _groups(request, typed, str(error), status=400)
    raise web.HTTPSeeOther(f"/letters{request.app[STATE].searches.address(fields, all='1')}")


def _filter_of(request: web.Request, fields: Fields) -> LetterFilter:
    return letter_filter_of(fields, request.app[STATE].settings.identity)


def _asked(request: web.Request) -> dict[str, str]:
    return request.app[STATE].searches.fields(request.query, now=time.time())


def _groups(
    request: web.Request, fields: dict[str, str], problem: str, *, status: int = 200
) -> web.Response:
    shelf, address = request.app[STATE].watch.shelf, request.app[STATE].searches.address
    groups = [
        {
            "group": group,
            "verdict": letter_advice(group.sample),
            "link": address(fields_of(filter_of_group(group))),
            "fields": fields_of(filter_of_group(group)),
        }
        for group in shelf.groups[:GROUPS_SHOWN]
    ]
    return render(
        request,
        "letters.html",
        status=status,
        groups=groups,
        hidden=max(0, len(shelf.groups) - GROUPS_SHOWN),
        total=len(shelf),
        unknown=shelf.unknown,
        fields=fields,
        problem=problem,
        rate=f"{DEFAULT_RATE:g}",
        command="orderstream dlq list",
        is_held=_is_held(request),
    )


def _list(request: web.Request, wanted: LetterFilter) -> web.Response:
    shelf = request.app[STATE].watch.shelf
    page = shelf.page(wanted, page_of(request.query))
    fields, address = fields_of(wanted), request.app[STATE].searches.address
    return render(
        request,
        "letter_list.html",
        page=page,
        unknown=shelf.unknown,
        fields=fields,
        verdict=_verdict(page, wanted),
        links=[address(fields, page=str(n), all="1") for n in (page.page - 1, page.page + 1)],
        drop_link=address(fields),
        rate=f"{DEFAULT_RATE:g}",
        command=command_lines.list_letters(wanted),
    )


def _verdict(page: LetterPage, wanted: LetterFilter) -> Advised | None:
    """Return what the shown letters have in common: the verdict on their code."""
    if not wanted.code or not page.letters:
        return None
    return letter_advice(page.letters[0])


async def plan_requeue(request: web.Request) -> web.StreamResponse:
    """Start the dry run of a requeue; its page shows what comes out."""
    form = form_of(request)
    try:
        wanted, limit, rate = _filter_of(request, form), limit_of(form), rate_of(form)
    except ValueError as error:
        return _groups(request, {}, str(error), status=400)
    draft = request.app[STATE].drafts.requeue(wanted, limit=limit, rate=rate)
    raise web.HTTPSeeOther(f"/drafts/{draft.draft_id}")


async def drop_page(request: web.Request) -> web.StreamResponse:
    """Ask for the reason before anything is given up."""
    try:
        wanted = _filter_of(request, _asked(request))
    except ValueError as error:
        raise web.HTTPBadRequest(text=str(error)) from None
    if wanted.is_everything:
        raise web.HTTPBadRequest(text=CHOOSE)
    return _drop_form(request, wanted, "")


async def drop(request: web.Request) -> web.StreamResponse:
    """Mark the letters that fit as dropped, if they are as many as the person was shown."""
    state, form = request.app[STATE], form_of(request)
    try:
        wanted = _filter_of(request, form)
    except ValueError as error:
        raise web.HTTPBadRequest(text=str(error)) from None
    letters = state.watch.shelf.fitting(wanted)
    try:
        why = why_of(form)
        _check_choice(wanted, len(letters), text_of(form, "count"))
    except ValueError as error:
        return _drop_form(request, wanted, str(error), status=400)
    operator = state.desk.operator(request[SESSION].who)
    await drop_letters(state.settings, operator, letters, why=why)
    return render(
        request,
        "done.html",
        title=f"Dropped {len(letters):,} dead letters",
        text="They are marked in the topic, with your name and reason; nothing was deleted.",
        back="/letters",
        command=command_lines.drop(wanted, why=why),
    )


def _is_held(request: web.Request) -> bool:
    """Return whether a worker holds events back; without their metrics nobody can tell."""
    scrapes = request.app[STATE].watch.scrapes
    return not scrapes or any(STOPPED in scrape.alerts for scrape in scrapes)


async def release(request: web.Request) -> web.StreamResponse:
    """Let the events of a cause die that workers hold back because too many died of it."""
    state, form = request.app[STATE], form_of(request)
    code = text_of(form, "code")
    if not code:
        return _groups(request, {}, "Code: say which cause.", status=400)
    try:
        why = why_of(form)
    except ValueError as error:
        return _groups(request, {}, str(error), status=400)
    operator = state.desk.operator(request[SESSION].who)
    await operator.record(RELEASED, why=why, detail={"code": code})
    return render(
        request,
        "done.html",
        title=f"{code} is released",
        text="Workers that hold such events learn of it within half a minute; they become dead "
        "letters then.",
        back="/letters",
        command=command_lines.release(code, why=why),
    )


def _check_choice(wanted: LetterFilter, count: int, shown: str) -> None:
    if shown != str(count):
        raise ValueError(f"The letters have changed: there are {count:,} now.")
    if wanted.is_everything:
        raise ValueError(CHOOSE)


def _drop_form(
    request: web.Request, wanted: LetterFilter, problem: str, *, status: int = 200
) -> web.Response:
    letters = request.app[STATE].watch.shelf.fitting(wanted)
    values: dict[str, Any] = {
        "count": len(letters),
        "orders": len({letter.key for letter in letters}),
        "fields": fields_of(wanted),
        "unknown": request.app[STATE].watch.shelf.unknown,
        "back": request.app[STATE].searches.address(fields_of(wanted)),
        "command": command_lines.drop(wanted, why="…"),
    }
    return render(request, "drop.html", status=status, problem=problem, **values)


ROUTES = (
    web.get("/letters", letters_page),
    web.post("/letters/find", find_letters),
    web.post("/letters/requeue", plan_requeue),
    web.get("/letters/drop", drop_page),
    web.post("/letters/drop", drop),
    web.post("/letters/release", release),
)
