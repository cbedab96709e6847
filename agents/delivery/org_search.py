"""Asks the org for records, and gives them keys, ahead of what a bundle writes.

Both go through the gate, as every call. Whatever keeps somebody from asking is not the event's
doing: it waits, and no attempt is spent.
"""

from __future__ import annotations

import dataclasses
import random
import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from typing import Any, Protocol, TypeGuard, TypeVar

from agents.delivery.retry_in_place import (
    RETRY_IN_PLACE,
    NextAction,
    RetryInPlace,
    is_suspicious,
    next_action,
)
from agents.delivery.sign_of_life import org_answers
from agents.delivery.types import NotSent
from agents.pacing.admission import Admission
from agents.pacing.system_failure import is_systemic, reason_of
from agents.pacing.ticket import NotAdmittedError
from agents.salesforce.api.client import OrgClient
from agents.salesforce.api.composite import MAX_COLLECTIONS, MAX_ROWS
from agents.salesforce.api.record_updates import KeyUpdate, give_keys
from agents.salesforce.api.soql import REST_ROOM, QueryRoom, is_same_text
from agents.salesforce.errors.error_kind import ErrorKind
from agents.salesforce.errors.error_rule import Advice
from agents.salesforce.errors.error_table import BY_CODE
from agents.salesforce.errors.errors import SalesforceError
from schemas.parts import parts_of
from schemas.priority import Priority
from schemas.salesforce import Row, RowResult
from stream.ops.alerts import Alert
from stream.ops.quoted_masking import mask_quoted

AGAIN = dataclasses.replace(RETRY_IN_PLACE, calls=1, timeouts=1)
FINAL = frozenset({ErrorKind.PERMANENT, ErrorKind.CONFIG})
# Salesforce quotes the query around the place, `Phone IN ('+49…`, before it says what is wrong.
QUOTED_QUERY = re.compile(r"(?s).*(?=ERROR at Row:\d)")

Records = list[dict[str, Any]]
Identity = tuple[str, str]  # of a row
Queries = dict[str, Sequence[Row]]  # by SOQL, the rows it looks for
Answers = dict[str, Records | NotAdmittedError | SalesforceError]  # by SOQL
Answer = TypeVar("Answer")
Owner = TypeVar("Owner")  # the row that a key is given for


class Asked(Protocol):
    """Who is asked."""

    async def queries(self, soqls: Sequence[str]) -> list[Records | SalesforceError]: ...


class OrgSearch:
    """One client behind one gate."""

    def __init__(self, client: OrgClient, gate: Admission) -> None:
        self._client = client
        self._gate = gate
        self._most = REST_ROOM.ids

    @property
    def room(self) -> QueryRoom:
        """How much a query may name in an org of this size."""
        is_full = self._most == REST_ROOM.ids
        return REST_ROOM if is_full else dataclasses.replace(REST_ROOM, ids=self._most)

    def asks_less(self, queries: Queries, answers: Answers) -> bool:
        """Whether shorter lists are worth asking: an org may be too large for longer ones.

        Where the shortest takes too long somebody has to know: who is looked for waits.
        """
        slow = {
            soql: answer
            for soql in queries
            if isinstance(answer := answers[soql], SalesforceError)
            and answer.advice is Advice.SEND_LESS
        }
        if not slow:
            self._most = min(REST_ROOM.ids, self._most + 1)
            return False
        longest = min(self._most, max(len(queries[soql]) for soql in slow))
        self._most = max(1, longest // 2)
        if longest == 1:
            reason = failure_of(next(iter(slow.values()))).reason
            self._gate.alerts.fire(Alert.WRITES_HELD, reason)
        return longest > 1

    async def look(
        self, queries: Queries, priority: Priority, policy: RetryInPlace = RETRY_IN_PLACE
    ) -> Answers:
        """Return what each query finds, or why it could not be asked; five queries a call."""
        return await look(self._client, self._gate, queries, priority, policy)

    @property
    def is_stopped(self) -> bool:
        """Whether nobody is asked at the moment."""
        return self._gate.open_for is not None

    async def answers_others(self) -> bool:
        """Whether the org answers what has none of our values in it: then it is no outage."""
        is_there = not self.is_stopped and await org_answers(self._client)
        if is_there:
            self._gate.forgive()
        return is_there

    def tell_of(self, error: SalesforceError) -> None:
        """Let somebody know of a customer who cannot be looked for while others can."""
        self._gate.alerts.fire(Alert.WRITES_HELD, failure_of(error).reason)

    def with_customer(self, update: KeyUpdate, row: Row) -> KeyUpdate:
        """Return what gives a record the key of a customer's row, with the store's id of them."""
        if update.sobject not in self._client.identified or not is_same_text(
            update.key, row.external_id
        ):
            return update
        return dataclasses.replace(update, customer_id=row.customer_id)

    async def give_keys(
        self, wanted: Iterable[tuple[KeyUpdate, Owner]], priority: Priority
    ) -> list[tuple[KeyUpdate, Owner, RowResult | NotSent]]:
        """Give records their keys, each for the row it was found for; NotSent: its call failed."""
        ordered = sorted(wanted, key=lambda pair: pair[0].sobject)
        answers: list[RowResult | NotSent] = []
        for part in parts_of([update for update, _ in ordered], MAX_ROWS):
            answers += await self._give(part, priority)
        return [(*pair, answer) for pair, answer in zip(ordered, answers, strict=True)]

    async def _give(
        self, part: Sequence[KeyUpdate], priority: Priority, policy: RetryInPlace = RETRY_IN_PLACE
    ) -> list[RowResult | NotSent]:
        """Give keys with one call; where one record fails it, by halves, and it waits alone."""
        give = partial(give_keys, self._client, part)
        try:
            return [*await _call(self._gate, give, priority, len(part), policy)]
        except (NotAdmittedError, SalesforceError) as error:
            if not is_odd(error) or not await self.answers_others():
                return [failure_of(error)] * len(part)
            if len(part) == 1:
                self.tell_of(error)
                return [failure_of(error)]
        answers: list[RowResult | NotSent] = []
        for half in parts_of(part, -(-len(part) // 2)):
            answers += await self._give(half, priority, AGAIN)
        return answers


async def look(
    asked: Asked,
    gate: Admission,
    queries: Queries,
    priority: Priority,
    policy: RetryInPlace = RETRY_IN_PLACE,
) -> Answers:
    """Return what each query finds, or why it could not be asked; five queries a call."""
    found: Answers = {}
    for soqls in parts_of(list(queries), MAX_COLLECTIONS):
        ask = partial(_ask, asked, soqls)
        rows = sum(len(queries[one]) for one in soqls)
        try:
            answers = await _call(gate, ask, priority, rows, policy)
        except (NotAdmittedError, SalesforceError) as error:
            found |= dict.fromkeys(soqls, error)
        else:
            found |= zip(soqls, answers, strict=True)
    return found


async def _ask(asked: Asked, soqls: Sequence[str]) -> list[Records | SalesforceError]:
    answers = await asked.queries(soqls)
    for answer in answers:
        if isinstance(answer, SalesforceError) and _speaks_for_all(answer):
            raise answer  # the gate hears of it as of a call's
    return answers


async def _call(
    gate: Admission,
    work: Callable[[], Awaitable[Answer]],
    priority: Priority,
    rows: int,
    policy: RetryInPlace = RETRY_IN_PLACE,
) -> Answer:
    """Make a call, again while nobody gets through: the breaker says when.

    Raises NotAdmittedError, and a SalesforceError that repeating does not cure.
    """
    failures: list[SalesforceError] = []
    while True:
        try:
            async with gate.call(priority, rows=rows):
                return await work()
        except SalesforceError as error:
            failures.append(error)
            action = next_action(failures, policy, is_lone=False)
            if action is not NextAction.REPEAT:
                raise
            pause = policy.backoff_seconds(len(failures), random.random)
            await gate.rest(pause)


def _speaks_for_all(error: SalesforceError) -> bool:
    return error.kind not in FINAL or is_systemic(error)


def is_odd(answer: object) -> TypeGuard[SalesforceError]:
    """Whether a call failed as one of its values may cause it; its length is another matter."""
    return isinstance(answer, SalesforceError) and is_suspicious(answer) and not answer.advice


def is_final(error: NotAdmittedError | SalesforceError) -> bool:
    """Whether the org refuses the question for good: what refuses every call has not read it."""
    if not isinstance(error, SalesforceError) or error.kind not in FINAL:
        return False
    rule = BY_CODE.get(error.code)
    is_about_it = rule is not None and rule.kind is ErrorKind.PERMANENT  # under whatever status
    return is_about_it or not is_systemic(error)


def failure_of(error: NotAdmittedError | SalesforceError) -> NotSent:
    """Return the outcome of an event whose record could not be looked for."""
    if isinstance(error, NotAdmittedError):
        return NotSent(error.reason, error.is_given_up)
    # Whatever it is, it is not the row's doing: the search costs no event an attempt.
    return NotSent(f"looking for a record that was there before: {reason_of(error)}")


def told_without_values(error: SalesforceError, rows: Sequence[Row]) -> str:
    """Return what the org said to a query, for a log line: nothing of whom was looked for."""
    values = [
        {name: value}
        for row in rows
        for name, value in (*row.fields.items(), *row.insert_fields.items())
    ]
    return mask_quoted(QUOTED_QUERY.sub("", str(error)), values)
