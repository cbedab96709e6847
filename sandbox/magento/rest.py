"""The store's REST API with its traps: `GET /rest/all/V1/orders`, `/orders/{id}`, `/customers/…`.

| trap | as on real stores (magento reference §5.2, §5.3) |
|---|---|
| no sort order | the newest first |
| no page size | everything |
| a page behind the last | the last page again |
| a page size over the limit | 400, its number a parameter, its words in the store's language |
| HMAC-SHA1, an old timestamp, a used nonce, a wrong signature | 401 |
| a resource that is not granted | 401 |
| rows saved while one pages | `before_search` is called before each search |
| rows saved between a page and its count | `before_count` is called when the page was loaded |
| overload | `fail_next(429, …)`, `fail_next(503, …)` |
| a maintenance page that says 200 | `fail_next(200, …)` |
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import web

from sandbox.magento.rest_auth import DeniedError, Integration
from sandbox.magento.rest_index import COMPARE, Condition, Document, Rows
from sandbox.magento.shapes import rest_form

FILTER = re.compile(r"searchCriteria\[filter_groups\]\[(\d+)\]\[filters\]\[(\d+)\]\[(\w+)\]")
SORT = re.compile(r"searchCriteria\[sortOrders\]\[(\d+)\]\[(field|direction)\]")
CONDITIONS = (*COMPARE, "in")
SHUTDOWN_SECONDS = 0.5
OK = 200


@dataclass(slots=True)
class RestStore:
    """A store's documents behind its REST API. `calls` counts what was asked, refusals included."""

    orders: Rows = field(default_factory=Rows)
    customers: Rows = field(default_factory=Rows)
    integration: Integration = field(default_factory=Integration)
    max_page_size: int = 300
    too_many_rows: str = "Maximum SearchCriteria pageSize is %max"
    look_at: Callable[[web.Request], None] = lambda _request: None
    before_search: Callable[[], None] = lambda: None
    before_count: Callable[[], None] | None = None
    calls: int = 0
    url: str = ""
    _failures: deque[tuple[int, dict[str, str]]] = field(default_factory=deque)

    def fail_next(self, status: int, times: int = 1, **headers: str) -> None:
        """Answer the next calls with an error; `Retry_After="2"` becomes a header."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self._failures.extend([(status, named)] * times)

    @property
    def env(self) -> dict[str, str]:
        """The environment variables of an orderstream that reads this store."""
        return {
            "MAGENTO_BASE_URL": self.url,
            "MAGENTO_INSECURE_URL": self.url,
            **self.integration.env,
        }

    def rows(self, name: str) -> Rows:
        return self.orders if name == "orders" else self.customers

    @asynccontextmanager
    async def serve(self, port: int = 0) -> AsyncIterator[RestStore]:
        """Serve on the loopback address until the block ends."""
        runner = web.AppRunner(self.app(), access_log=None, shutdown_timeout=SHUTDOWN_SECONDS)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", port).start()
            self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            yield self
        finally:
            await runner.cleanup()

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/rest/{store}/V1/{name:orders}", self._search)
        app.router.add_get("/rest/{store}/V1/{name:customers}/search", self._search)
        app.router.add_get("/rest/{store}/V1/{name:orders|customers}/{id:\\d+}", self._one)
        app.router.add_post("/_control/{name:orders|customers}", self._save)
        return app

    async def _search(self, request: web.Request) -> web.Response:
        refused = self._refused(request)
        if refused is not None:
            return refused
        self.before_search()
        try:
            return self._answer(request.query, self.rows(request.match_info["name"]))
        except _BadSearchError as error:
            return _error(400, str(error), **error.parameters)

    def _answer(self, query: Any, rows: Rows) -> web.Response:
        groups = _groups(query)
        matches = rows.find(groups)
        total = len(matches)
        size = _number(query, "searchCriteria[pageSize]") or max(1, total)
        if size > self.max_page_size and "searchCriteria[pageSize]" in query:
            raise _BadSearchError(self.too_many_rows, max=self.max_page_size)
        last = max(1, -(-total // size))
        page = min(max(1, _number(query, "searchCriteria[currentPage]")), last)
        order = _sort_order(query)
        if order.names == ["entity_id"]:
            matches = matches.by_id()
        found = matches.page((page - 1) * size, size, is_descending=order.is_descending)
        if query.get("fields") == "total_count":
            return _json({"total_count": total})
        shown = [rest_form(document) for document in found]
        if self.before_count is not None:
            self.before_count()
            total = len(rows.find(groups))
        return _json({"items": shown, "search_criteria": {}, "total_count": total})

    async def _one(self, request: web.Request) -> web.Response:
        refused = self._refused(request)
        if refused is not None:
            return refused
        document = self.rows(request.match_info["name"]).document(int(request.match_info["id"]))
        if document is None:
            return _error(404, "The entity that was requested doesn't exist. Verify the entity.")
        return _json(rest_form(document))

    async def _save(self, request: web.Request) -> web.Response:
        """Save documents from outside the process: a JSON list of them."""
        for document in orjson.loads(await request.read()):
            self.rows(request.match_info["name"]).save(document)
        return web.Response(status=204)

    def _refused(self, request: web.Request) -> web.Response | None:
        self.calls += 1
        self.look_at(request)
        if self._failures:
            status, headers = self._failures.popleft()
            if status == OK:
                return web.Response(text="<html>We'll be back soon", content_type="text/html")
            answer = _error(status, "Too Many Requests" if status == 429 else "away")  # noqa: PLR2004 - the number is its own name here
            answer.headers.update(headers)
            return answer
        sent = f"{request.scheme}://{request.host}{request.raw_path}"
        try:
            self.integration.check(request.method, sent, request.headers.get("Authorization", ""))
        except DeniedError as error:
            return _error(error.status, str(error), resources="self")
        name = request.match_info["name"]
        if name not in self.integration.granted:
            resource = "Magento_Sales::actions_view" if name == "orders" else "Magento_Customer"
            text = "The consumer isn't authorized to access %resources."
            return _error(401, text, resources=resource)
        return None


class _BadSearchError(Exception):
    """A search that the store does not understand."""

    def __init__(self, message: str, **parameters: object) -> None:
        self.parameters = parameters
        super().__init__(message)


def _groups(query: Any) -> list[list[Condition]]:
    parts: dict[tuple[int, int], dict[str, str]] = {}
    for name, value in query.items():
        if found := FILTER.fullmatch(name):
            parts.setdefault((int(found[1]), int(found[2])), {})[found[3]] = value
    groups: dict[int, list[Condition]] = {}
    for (group, _), part in sorted(parts.items()):
        condition = part.get("condition_type", "eq")
        if condition not in CONDITIONS or "field" not in part:
            raise _BadSearchError(f"Invalid condition {condition}")
        item = Condition(part["field"], part.get("value", ""), condition)
        groups.setdefault(group, []).append(item)
    return list(groups.values())


@dataclass(frozen=True, slots=True)
class _SortOrder:
    names: list[str]
    is_descending: bool


def _sort_order(query: Any) -> _SortOrder:
    orders: dict[int, dict[str, str]] = {}
    for name, value in query.items():
        if found := SORT.fullmatch(name):
            orders.setdefault(int(found[1]), {})[found[2]] = value
    names = [orders[number].get("field", "") for number in sorted(orders)]
    if names and names not in (["updated_at"], ["updated_at", "entity_id"], ["entity_id"]):
        raise _BadSearchError(f"this simulated store does not sort by {names}")
    is_descending = not orders or orders[min(orders)].get("direction", "DESC") == "DESC"
    return _SortOrder(names, is_descending)


def _number(query: Any, name: str) -> int:
    text = query.get(name, "")
    return int(text) if text.isdecimal() else 0


def _json(body: Document) -> web.Response:
    return web.Response(body=orjson.dumps(body), content_type="application/json")


def _error(status: int, message: str, **parameters: object) -> web.Response:
    body = {"message": message, **({"parameters": parameters} if parameters else {})}
    return web.Response(status=status, body=orjson.dumps(body), content_type="application/json")
