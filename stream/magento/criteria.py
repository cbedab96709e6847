"""Search criteria of Magento's REST API as query parameters. Pure.

Filters inside a group are alternatives, groups must all hold (magento reference §5.2). Without a
page size the store sends everything, and without an order it sends the newest first, so a search
here always has both.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import quote

from stream.fitting import fitting

# Of a list in a URL: web servers take 8,190 bytes of a request line (Apache's LimitRequestLine),
# and answer 414 to more.
LIST_CHARACTERS = 6_000


class Resource(StrEnum):
    """What can be searched; the value is the path below the REST root."""

    ORDERS = "orders"
    CUSTOMERS = "customers/search"


@dataclass(frozen=True, slots=True)
class Filter:
    """One condition on a top-level field; `condition` is Magento's: eq, gt, gteq, lteq, in."""

    field: str
    value: str
    condition: str = "eq"


@dataclass(frozen=True, slots=True)
class Search:
    """One search. `groups` are joined by AND, the filters of a group by OR."""

    groups: tuple[tuple[Filter, ...], ...] = ()
    order_by: tuple[str, ...] = ("updated_at", "entity_id")
    page_size: int = 100
    fields: str = ""

    def query(self) -> str:
        """Return the query string, percent-encoded."""
        return "&".join(
            f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in self._pairs()
        )

    def _pairs(self) -> Iterator[tuple[str, str]]:
        for number, group in enumerate(self.groups):
            for place, item in enumerate(group):
                at = f"searchCriteria[filter_groups][{number}][filters][{place}]"
                yield f"{at}[field]", item.field
                yield f"{at}[value]", item.value
                yield f"{at}[condition_type]", item.condition
        for number, name in enumerate(self.order_by):
            at = f"searchCriteria[sortOrders][{number}]"
            yield f"{at}[field]", name
            yield f"{at}[direction]", "ASC"
        yield "searchCriteria[pageSize]", str(self.page_size)
        yield "searchCriteria[currentPage]", "1"
        if self.fields:
            yield "fields", self.fields


def any_of(field_name: str, values: Sequence[str]) -> Iterator[tuple[int, tuple[Filter, ...]]]:
    """Yield (how many values, the group that holds for one of them), each fit for a URL.

    A value with a comma in it is asked for alone: it would be two in a list.
    """
    for value in values:
        if "," in value:
            yield 1, (Filter(field_name, value),)
    listed = [value for value in values if "," not in value]
    for part in fitting(listed, _weight, room=LIST_CHARACTERS):
        yield len(part), _listed(field_name, part)


def _weight(value: str) -> int:
    return len(quote(f"{value},", safe=""))


def _listed(field_name: str, values: Sequence[str]) -> tuple[Filter, ...]:
    return (Filter(field_name, ",".join(values), "in"),)
