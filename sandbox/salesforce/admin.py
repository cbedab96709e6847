"""The back door at /__sim__: faults, settings, schema, history. It is no part of Salesforce.

Every answer is JSON; a request it cannot use is a 400 whose `error` says what it may be.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict, replace
from typing import Any

import orjson
from aiohttp import web

from sandbox.salesforce.app import ORG, SESSIONS
from sandbox.salesforce.faults.faultkinds import ACTIONS
from sandbox.salesforce.faults.faults import check_spec
from sandbox.salesforce.records import features
from sandbox.salesforce.records.schema import Field, SObject, edited
from schemas.metadata_package import ValidationRule

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def explain_mistakes(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn a ValueError of an admin call into a 400 that says what to send instead."""
    if not request.path.startswith("/__sim__"):
        return await handler(request)
    try:
        return await handler(request)
    except (ValueError, TypeError) as error:
        return _json({"error": str(error)}, 400)
    except KeyError as error:
        return _json({"error": f"unknown name {error}"}, 404)


async def add_faults(request: web.Request) -> web.Response:
    """POST /__sim__/faults: one fault, or a list of them."""
    body = await _body(request)
    specs = body if isinstance(body, list) else [body]
    for spec in specs:
        if not isinstance(spec, dict) or spec.get("kind") not in ACTIONS:
            check_spec(spec)
    return _json([_arm(request, spec) for spec in specs], 201)


def _arm(request: web.Request, spec: dict[str, Any]) -> dict[str, Any]:
    org, sessions = request.app[ORG], request.app[SESSIONS]
    match spec["kind"]:
        case "expire_tokens":
            return {"kind": spec["kind"], "count": sessions.expire_all()}
        case "revoke_refresh_tokens":
            return {"kind": spec["kind"], "count": sessions.revoke_refresh_tokens()}
        case "spend_quota":
            org.settings.calls_used = org.settings.daily_limit
            return {"kind": spec["kind"], "calls_used": org.settings.calls_used}
    return org.faults.add(spec).as_dict()


async def list_faults(request: web.Request) -> web.Response:
    return _json([fault.as_dict() for fault in request.app[ORG].faults.armed])


async def clear_faults(request: web.Request) -> web.Response:
    """DELETE /__sim__/faults, or /__sim__/faults/{id}."""
    text = request.match_info.get("id")
    return _json({"removed": request.app[ORG].faults.clear(int(text) if text else None)})


async def show_settings(request: web.Request) -> web.Response:
    return _json(request.app[ORG].settings.as_dict())


async def change_settings(request: web.Request) -> web.Response:
    """PATCH /__sim__/settings with the settings to change."""
    org = request.app[ORG]
    changes = await _body(request)
    org.settings.change(changes)
    features.apply(org.store.schema, org.settings)
    if "history_limit" in changes:
        org.history.limit_to(org.settings.history_limit)
    return _json(org.settings.as_dict())


async def edit_field(request: web.Request) -> web.Response:
    """PATCH /__sim__/schema/{sobject}/{field} with describe's properties; makes absent fields."""
    sobject = _sobject(request)
    name = request.match_info["field"]
    existing = sobject.find(name) or Field(name, label=name, length=255)
    changes = await _body(request)
    sobject.put(replace(edited(existing, changes), name=existing.name))
    return _json(sobject.fields[existing.name].describe())


async def drop_field(request: web.Request) -> web.Response:
    """DELETE /__sim__/schema/{sobject}/{field}."""
    sobject = _sobject(request)
    sobject.drop(request.match_info["field"])
    return _json({"fields": list(sobject.fields)})


async def show_rules(request: web.Request) -> web.Response:
    """GET /__sim__/rules: the org's validation rules."""
    return _json([asdict(rule) for rule in request.app[ORG].validation.all()])


async def add_rule(request: web.Request) -> web.Response:
    """POST /__sim__/rules: `{"sobject", "name", "formula", "message", "field", "is_active"}`."""
    rule = ValidationRule(**await _body(request))
    request.app[ORG].validation.add(rule)
    return _json(asdict(rule), 201)


async def drop_rule(request: web.Request) -> web.Response:
    """DELETE /__sim__/rules/{sobject}/{name}."""
    request.app[ORG].validation.remove(request.match_info["sobject"], request.match_info["name"])
    return await show_rules(request)


async def show_history(request: web.Request) -> web.Response:
    """GET /__sim__/history?sobject=&external_id=&id=&since=&limit=."""
    query = request.query
    entries = request.app[ORG].history.entries(
        sobject=query.get("sobject", ""),
        external_id=query.get("external_id", ""),
        record_id=query.get("id", ""),
        since=int(query.get("since", 0)),
        limit=int(query.get("limit", 0)),
    )
    return _json(entries)


async def show_digests(request: web.Request) -> web.Response:
    """GET /__sim__/digests?sobject=: writes, last version and staleness per record."""
    wanted = request.query.get("sobject", "")
    found = request.app[ORG].history.digests.items()
    return _json(
        [
            {"sobject": sobject, "key": key, **digest.as_dict()}
            for (sobject, key), digest in found
            if not wanted or sobject == wanted
        ]
    )


async def show_summary(request: web.Request) -> web.Response:
    return _json(request.app[ORG].summary())


async def show_calls(request: web.Request) -> web.Response:
    """GET /__sim__/calls?log=1: counters, and on demand the newest calls one by one."""
    counts = request.app[ORG].counts
    log = {"log": list(counts.log)} if request.query.get("log") else {}
    return _json(counts.as_dict() | log)


async def show_records(request: web.Request) -> web.Response:
    """GET /__sim__/records/{sobject}?q=&external_id=&offset=&limit=: newest first."""
    org, query = request.app[ORG], request.query
    table = org.store.tables[request.match_info["sobject"]]
    wanted = query.get("q", "").casefold()
    exact = query.get("external_id", "")
    records: list[dict[str, Any]] = list(reversed(table.records.values()))
    if exact:
        record = table.records.get(org.find_id(table.sobject.name, exact))
        records = [record] if record else []
    if wanted:
        records = [r for r in records if any(wanted in str(v).casefold() for v in r.values())]
    offset, limit = int(query.get("offset", 0)), int(query.get("limit", 50))
    return _json({"total": len(records), "records": records[offset : offset + limit]})


async def merge(request: web.Request) -> web.Response:
    """POST /__sim__/merge: `{"sobject", "winner", "loser"}`, as a person merges two records."""
    org, asked = request.app[ORG], await _body(request)
    call = org.new_call()
    table = org.store.tables[asked["sobject"]]
    org.dml.merge(call, table, asked["winner"], asked["loser"])
    org.finish(call)
    return _json({"merged": asked["loser"]})


async def reset(request: web.Request) -> web.Response:
    """POST /__sim__/reset: a new org; `{"keep_tokens": true}` keeps the sessions."""
    body = (await _body(request)) if request.can_read_body else {}
    if not body.get("keep_tokens"):
        request.app[SESSIONS].expire_all()
    request.app[ORG].reset()
    return _json({"reset": True})


def add_routes(app: web.Application) -> None:
    """Put the back door in."""
    router = app.router
    router.add_post("/__sim__/faults", add_faults)
    router.add_get("/__sim__/faults", list_faults)
    router.add_delete("/__sim__/faults", clear_faults)
    router.add_delete("/__sim__/faults/{id:[0-9]+}", clear_faults)
    router.add_get("/__sim__/settings", show_settings)
    router.add_patch("/__sim__/settings", change_settings)
    router.add_patch("/__sim__/schema/{sobject}/{field}", edit_field)
    router.add_delete("/__sim__/schema/{sobject}/{field}", drop_field)
    router.add_get("/__sim__/rules", show_rules)
    router.add_post("/__sim__/rules", add_rule)
    router.add_delete("/__sim__/rules/{sobject}/{name}", drop_rule)
    router.add_get("/__sim__/history", show_history)
    router.add_get("/__sim__/digests", show_digests)
    router.add_get("/__sim__/summary", show_summary)
    router.add_get("/__sim__/calls", show_calls)
    router.add_get("/__sim__/records/{sobject}", show_records)
    router.add_post("/__sim__/merge", merge)
    router.add_post("/__sim__/reset", reset)


def _sobject(request: web.Request) -> SObject:
    return request.app[ORG].store.schema[request.match_info["sobject"]]


async def _body(request: web.Request) -> Any:
    try:
        return orjson.loads(await request.read())
    except orjson.JSONDecodeError as error:
        raise ValueError(f"the body is not JSON: {error}") from None


def _json(body: Any, status: int = 200) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(body), content_type="application/json")
