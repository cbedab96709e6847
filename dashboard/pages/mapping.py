"""The mapping: the file in force, what the org says of it, and a draft tried on history."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from agents.mapping.mapping import Mapping, default_text
from agents.mapping_preview.drafts import DraftComparison
from dashboard.data.mapping_trial import MAX_EVENTS, try_draft
from dashboard.pages.trace import target_of
from dashboard.site.forms import text_of
from dashboard.site.render import render
from dashboard.site.state import SESSION, STATE, form_of
from stream.errors import MappingFileError
from stream.ops.masking import masked_value
from stream.settings.worker import WorkerSettings

USUAL_EVENTS = 100
TRIED = "mapping-draft-tried"
# Of doctor's checks, those that hold the mapping against the org.
CHECKS = tuple(
    f"salesforce-{name}"
    for name in (
        *("login", "objects", "fields", "external-id", "unique", "permissions"),
        *("required-field", "picklists", "currencies", "adoption"),
    )
)


async def mapping_page(request: web.Request) -> web.StreamResponse:
    text, problem = in_force(request.app[STATE].settings)
    return _page(request, draft=text, problem=problem)


async def mapping_part(request: web.Request) -> web.StreamResponse:
    return render(request, "mapping_live.html", **_org(request))


async def try_page(request: web.Request) -> web.StreamResponse:
    """Map history with a draft and with the file in force; nothing is kept, nothing is sent."""
    state, form = request.app[STATE], form_of(request)
    draft = str(form.get("draft", "")).replace("\r\n", "\n")
    values: dict[str, Any] = {
        "draft": draft,
        "target": text_of(form, "target"),
        "newest": text_of(form, "newest"),
    }
    try:
        target, newest = target_of(form), count_of(text_of(form, "newest"))
        tried, found = await try_draft(state.settings, draft, target=target, newest=newest)
    except (ValueError, MappingFileError) as error:
        return _page(request, **values, problem=str(error), status=400)
    # A draft can put what is masked into a field that is not: who tried one is on record.
    operator = state.desk.operator(request[SESSION].who)
    await operator.record(TRIED, detail={"draft": tried.version, "events": found.events})
    return _page(request, **values, tried=tried, rows=rows_of(found), found=found)


def _page(request: web.Request, *, status: int = 200, **values: Any) -> web.Response:
    state = request.app[STATE]
    path = state.settings.mapping_file
    try:
        version = Mapping.load(path).version
    except MappingFileError:
        version = ""
    defaults = {"problem": "", "target": "", "newest": str(USUAL_EVENTS), "tried": None}
    command = "orderstream map --check" + (f" --mapping {path}" if path else "")
    return render(
        request,
        "mapping.html",
        status=status,
        file=str(path) if path else "the shipped one",
        version=version,
        most=MAX_EVENTS,
        command=command,
        **(defaults | _org(request) | values),
    )


def _org(request: web.Request) -> dict[str, Any]:
    """Return what the org says; it is asked again when that is old."""
    health = request.app[STATE].health
    health.look()
    return {
        "health": health,
        "checks": [check for check in health.checks if check.name in CHECKS],
    }


def in_force(settings: WorkerSettings) -> tuple[str, str]:
    """Return the text of the mapping file, and why it cannot be used."""
    path = settings.mapping_file
    if path is None:
        return default_text(), ""
    try:
        Mapping.load(path)
        return path.read_text("utf-8-sig"), ""
    except (MappingFileError, OSError, UnicodeDecodeError) as error:
        return "", str(error)


def count_of(text: str) -> int:
    """Return how many of the newest events are tried; raises ValueError."""
    if not text:
        return USUAL_EVENTS
    if not text.isdecimal() or not 1 <= int(text) <= MAX_EVENTS:
        raise ValueError(f"Newest events: write a whole number, 1 to {MAX_EVENTS}.")
    return int(text)


def rows_of(found: DraftComparison) -> list[dict[str, Any]]:
    """Return the differences for the page, most events first; values of people masked."""
    rows = sorted(found.differences.values(), key=lambda d: (-d.events, d.sobject, d.name))
    return [
        {
            "field": f"{row.sobject}.{row.name}",
            "events": row.events,
            "key": row.key,
            "now": masked_value(row.now, row.name),
            "then": masked_value(row.then, row.name),
        }
        for row in rows
    ]


ROUTES = (
    web.get("/mapping", mapping_page),
    web.get("/part/mapping", mapping_part),
    web.post("/mapping/try", try_page),
)
