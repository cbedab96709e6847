"""Bundles to calls: the fewest calls, in which nothing waits for its neighbour's lock.

Bundles that would lock each other (the same `lock_key`, or the same record) form a group. A group
stays in one call; one too large for a call goes in several, one after the other. Groups are packed
first-fit, largest first, so that 1,000 orders of Account, Contact and Opportunity take 5 calls.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import field

from agents.delivery.types import WriteSet
from agents.salesforce.api.collection_builder import (
    API_LIMITS,
    CollectionKey,
    CollectionLimits,
    Method,
    weight_at_most,
    weight_of,
)
from agents.salesforce.api.composite import CUSTOMER_ID_FIELD
from schemas.frozen import dataclass
from schemas.salesforce import Row

MethodOf = Callable[[Row], Method | None]

PORTION_CALLS = 10  # about so many calls are planned before the first of them flies


@dataclass(frozen=True, slots=True)
class CallPlan:
    """Positions of the bundles of one call, and of the plans (in its list) that come before it."""

    members: tuple[int, ...]
    after: tuple[int, ...]


def plan_calls(
    bundles: Sequence[WriteSet], method_of: MethodOf, limits: CollectionLimits = API_LIMITS
) -> Iterator[list[CallPlan]]:
    """Yield the calls for all bundles; each bundle is in exactly one of them.

    They come in lists that do not depend on each other, so that the first calls can fly while the
    next are planned. `method_of` says how a row will be sent, None when it need not be sent. A
    bundle too large for one call is planned alone; its rows are cut when they are drafted.
    """
    groups = lock_groups(bundles)
    if len({bundle.priority for bundle in bundles}) > 1:
        groups.sort(key=lambda group: min(bundles[member].priority for member in group))
    portion: list[list[int]] = []
    size = 0
    for group in groups:
        portion.append(group)
        size += len(group)
        if size >= PORTION_CALLS * limits.bundles:
            yield _plan(portion, bundles, method_of, limits)
            portion, size = [], 0
    if portion:
        yield _plan(portion, bundles, method_of, limits)


def _plan(
    groups: Sequence[Sequence[int]],
    bundles: Sequence[WriteSet],
    method_of: MethodOf,
    limits: CollectionLimits,
) -> list[CallPlan]:
    if (whole := _in_one(groups, bundles, method_of, limits)) is not None:
        return [whole]
    closed: list[CallPlan] = []
    tails: list[_Bin] = []
    for group in groups:
        loads = [(member, _load_of(bundles[member], method_of)) for member in group]
        *full, tail = _cut(loads, limits)
        for segment in full:
            closed.append(CallPlan(tuple(segment.members), tail.after))
            tail.after = (len(closed) - 1,)
        tails.append(tail)
    tails.sort(key=lambda tail: _turn_of(tail.members, bundles))
    bins = _first_fit(tails, limits)
    return closed + [CallPlan(tuple(item.members), item.after) for item in bins]


def _in_one(
    groups: Sequence[Sequence[int]],
    bundles: Sequence[WriteSet],
    method_of: MethodOf,
    limits: CollectionLimits,
) -> CallPlan | None:
    """Return the one call that holds all, as most batches fit in one; None where they may not.

    What fits together needs no measuring of each, and no fitting in.
    """
    members = [member for group in groups for member in group]
    load = _Load(bundles=len(members))
    if load.bundles > limits.bundles:
        return None
    sent: list[Row] = []
    for member in members:
        for row in bundles[member].rows:
            method = method_of(row)
            if method is not None:
                sent.append(row)
                shape = row.sobject, row.external_id_field, method
                load.rows[shape] = load.rows.get(shape, 0) + 1
    load.bytes = weight_at_most(sent)
    if not _empty().takes(load, limits):
        return None
    if len(groups) < len(members):  # groups of one come in their order
        ordered = sorted(groups, key=lambda group: _turn_of(group, bundles))
        members = [member for group in ordered for member in group]
    return CallPlan(tuple(members), ())


def _turn_of(members: Sequence[int], bundles: Sequence[WriteSet]) -> tuple[int, int]:
    """Return what groups are packed by: the urgent first, then the largest."""
    return min(bundles[member].priority for member in members), -len(members)


def lock_groups(bundles: Sequence[WriteSet]) -> list[list[int]]:
    """Return positions grouped by what they would lock, in order of first appearance."""
    locks = [locks_of(bundle) for bundle in bundles]
    if len(set().union(*locks)) == sum(map(len, locks)):  # no two share one
        return [[position] for position in range(len(bundles))]
    parent = list(range(len(bundles)))

    def root(position: int) -> int:
        while parent[position] != position:
            parent[position] = parent[parent[position]]
            position = parent[position]
        return position

    holders: dict[object, int] = {}
    for position, mine in enumerate(locks):
        for lock in mine:
            holder = holders.setdefault(lock, position)
            if holder != position:
                first, second = sorted((root(holder), root(position)))
                parent[second] = first
    groups: dict[int, list[int]] = {}
    for position, above in enumerate(parent):
        groups.setdefault(above if above == position else root(position), []).append(position)
    return list(groups.values())


def locks_of(bundle: WriteSet) -> list[Hashable]:
    """Return what a call with this bundle locks."""
    locks: list[Hashable] = [bundle.lock_key.casefold()] if bundle.lock_key else []
    for row in bundle.rows:
        locks.append(row.identity)
        if row.customer_id:  # under whatever address: a renaming gives the record another one
            locks.append((row.sobject, CUSTOMER_ID_FIELD, row.customer_id))
    return locks


@dataclass(slots=True)
class _Load:
    bundles: int = 1
    bytes: int = 0
    rows: dict[CollectionKey, int] = field(default_factory=dict)

    def count(self, shape: CollectionKey) -> None:
        self.rows[shape] = self.rows.get(shape, 0) + 1


@dataclass(slots=True)
class _Bin:
    members: list[int]
    load: _Load
    after: tuple[int, ...] = ()

    @property
    def size(self) -> int:
        return self.load.bundles

    def takes(self, more: _Load, limits: CollectionLimits) -> bool:
        if self.load.bundles + more.bundles > limits.bundles:
            return False
        if self.load.bytes + more.bytes > limits.bytes:
            return False
        collections = 0
        for shape in self.load.rows | more.rows:
            rows = self.load.rows.get(shape, 0) + more.rows.get(shape, 0)
            collections += -(-rows // limits.rows)
        return collections <= limits.collections

    def add(self, members: Sequence[int], more: _Load) -> None:
        self.members.extend(members)
        self.load.bundles += more.bundles
        self.load.bytes += more.bytes
        for shape, rows in more.rows.items():
            self.load.rows[shape] = self.load.rows.get(shape, 0) + rows


def _load_of(bundle: WriteSet, method_of: MethodOf) -> _Load:
    load = _Load()
    for row in bundle.rows:
        method = method_of(row)
        if method is not None:
            load.bytes += weight_of(row)
            load.count((row.sobject, row.external_id_field, method))
    return load


def _empty() -> _Bin:
    return _Bin([], _Load(bundles=0))


def _cut(loads: Sequence[tuple[int, _Load]], limits: CollectionLimits) -> list[_Bin]:
    segments = [_empty()]
    for position, load in loads:
        if segments[-1].members and not segments[-1].takes(load, limits):
            segments.append(_empty())
        segments[-1].add([position], load)
    return segments


def _first_fit(tails: Sequence[_Bin], limits: CollectionLimits) -> list[_Bin]:
    bins: list[_Bin] = []
    with_room: list[_Bin] = []
    for tail in tails:
        home = next((item for item in with_room if item.takes(tail.load, limits)), None)
        if home is None:
            home = tail
            bins.append(tail)
            with_room.append(tail)
        else:
            home.add(tail.members, tail.load)
            home.after += tail.after
        if home.size == limits.bundles:
            with_room.remove(home)
    return bins
