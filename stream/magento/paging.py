"""Everything that changed between two times, page by page, while the store goes on saving.

Page numbers are no use: a row that is saved while one pages shifts all later pages. So the place
is a key, (`updated_at`, `entity_id`) of the last row taken, and the upper bound is fixed: what is
saved meanwhile leaves the window and is somebody else's (a webhook's, or the next read's).

A second can gain rows as long as it is recent: a long checkout commits rows that are older than
what was read already. So a window that ends in the recent past is read again from `overlap` before
the read began, and only what is new is given out. For the same reason a read that goes on from a
stored cursor takes the whole boundary second again.

Nothing of a page is trusted: rows outside the window and rows seen are left out, a full page is
never the last one, and a store that ignores the search is found out.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from schemas.texts import text_of
from stream.errors import MagentoError
from stream.magento.client import MagentoRest
from stream.magento.criteria import Filter, Resource, Search, any_of
from stream.magento.times import magento_time, seconds_before
from stream.settings.magento import MagentoSettings


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last row taken. The empty one stands before every row."""

    updated_at: str = ""
    entity_id: int = 0


@dataclass(frozen=True, slots=True)
class Window:
    """What to read: Magento times `since` ≤ updated_at ≤ `until`, of one store or of all."""

    since: str
    until: str
    store: str = ""


@dataclass(frozen=True, slots=True)
class Taken:
    """One page: its new documents, where it ends, and how many the store said are left."""

    documents: list[dict[str, Any]]
    cursor: Cursor
    left: int


def entity_id_of(document: dict[str, Any]) -> int:
    """Return the numeric id of an order or customer; 0 when it has none."""
    text = text_of(document.get("entity_id")) or text_of(document.get("id"))
    return int(text) if text.isdecimal() else 0


def cursor_of(document: dict[str, Any]) -> Cursor:
    return Cursor(text_of(document.get("updated_at")), entity_id_of(document))


def window_search(window: Window, cursor: Cursor, page_size: int) -> Search:
    """Return the search for the rows of a window behind a cursor.

    (second > U) or (second = U and id > E) is, as Magento's AND of ORs:
    (second ≥ U) and (second > U or id > E).
    """
    since = max(window.since, cursor.updated_at)
    groups: list[tuple[Filter, ...]] = [
        (Filter("updated_at", since, "gteq"),),
        (Filter("updated_at", window.until, "lteq"),),
    ]
    if cursor.updated_at:
        groups.append(
            (
                Filter("updated_at", cursor.updated_at, "gt"),
                Filter("entity_id", str(cursor.entity_id), "gt"),
            )
        )
    if window.store:
        groups.append((Filter("store_id", window.store),))
    return Search(groups=tuple(groups), page_size=page_size)


async def count_changed(source: MagentoRest, resource: Resource, window: Window) -> int:
    """Return how many rows the window has now, with one call. Raises MagentoError."""
    search = replace(window_search(window, Cursor(), 1), fields="total_count")
    return (await source.search(resource, search)).total


async def changed(
    source: MagentoRest,
    settings: MagentoSettings,
    resource: Resource,
    window: Window,
    *,
    began: str,
    cursor: Cursor | None = None,
) -> AsyncIterator[Taken]:
    """Yield the rows of a window in order, each (id, second) once.

    `began` is the Magento time at which the read began, when it was first started. With a `cursor`
    the read goes on at the beginning of its second. Raises MagentoError.
    """
    recent = max(window.since, seconds_before(began, settings.magento_overlap_seconds))
    page_size = settings.magento_page_size
    again = replace(window, since=recent)
    seen = _Seen(recent)
    start = replace(cursor, entity_id=-1) if cursor else Cursor()
    async for taken in _pass(source, resource, window, page_size, start):
        yield replace(taken, documents=seen.new(taken.documents))
    if recent <= window.until:
        async for taken in _pass(source, resource, again, page_size, Cursor()):
            if documents := seen.new(taken.documents):
                yield Taken(documents, Cursor(window.until, 0), 0)


async def _pass(
    source: MagentoRest, resource: Resource, window: Window, page_size: int, start: Cursor
) -> AsyncIterator[Taken]:
    cursor = start
    is_doubted = False
    while True:
        search = window_search(window, cursor, page_size)
        found = await source.search(resource, search)
        documents = _behind(found.items, window, cursor)
        if documents:
            cursor = cursor_of(documents[-1])
            yield Taken(documents, cursor, max(0, found.total - len(found.items)))
        elif found.total > 0:
            if is_doubted:
                raise _unanswered(resource, search, found.total)
            is_doubted = True  # a row may have come after the page was loaded: once
            continue
        if found.is_last or not documents:
            return
        is_doubted = False


def _unanswered(resource: Resource, search: Search, total: int) -> MagentoError:
    return MagentoError(
        f"Magento says {total} {resource.name.lower()} match, but sends none of them: a module or "
        "proxy changes the search; compare the answer for this search by hand: "
        f"{search.query()[:500]}",
        is_lasting=True,
    )


def _behind(
    items: Sequence[dict[str, Any]], window: Window, cursor: Cursor
) -> list[dict[str, Any]]:
    """Return the rows that the search asked for, each once, in order."""
    behind: dict[Cursor, dict[str, Any]] = {}
    for item in items:
        place = cursor_of(item)
        is_inside = window.since <= place.updated_at <= window.until and place.entity_id
        if is_inside and (place.updated_at, place.entity_id) > (
            cursor.updated_at,
            cursor.entity_id,
        ):
            behind[place] = item
    return [behind[place] for place in sorted(behind, key=lambda p: (p.updated_at, p.entity_id))]


async def having(
    source: MagentoRest, resource: Resource, name: str, values: Sequence[str]
) -> list[dict[str, Any]]:
    """Return every document whose field has one of the values. Raises MagentoError.

    A page for as many documents as there are values may leave some out: several orders may have one
    number, and the store may allow smaller pages only.
    """
    documents: list[dict[str, Any]] = []
    for count, group in any_of(name, values):
        documents += await _all_of(source, resource, group, count)
    return documents


async def _all_of(
    source: MagentoRest, resource: Resource, group: tuple[Filter, ...], page_size: int
) -> list[dict[str, Any]]:
    documents: list[dict[str, Any]] = []
    last = 0
    while True:
        groups = (group, (Filter("entity_id", str(last), "gt"),)) if last else (group,)
        search = Search(groups, order_by=("entity_id",), page_size=page_size)
        found = await source.search(resource, search)
        documents += found.items
        newest = max((entity_id_of(item) for item in found.items), default=0)
        if found.total <= len(found.items) or newest <= last:
            return documents
        last = newest


@dataclass(slots=True)
class _Seen:
    """The rows of the recent past that were given out, so that none is given out twice."""

    recent: str
    places: set[Cursor] = field(default_factory=set)

    def new(self, documents: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        fresh = [item for item in documents if cursor_of(item) not in self.places]
        places = (cursor_of(item) for item in fresh)
        self.places.update(place for place in places if place.updated_at >= self.recent)
        return fresh


def new_window(since_ms: int, until_ms: int, store: str = "") -> Window:
    """Return the window between two unix milliseconds, both seconds included."""
    return Window(magento_time(since_ms), magento_time(until_ms), store)
