from __future__ import annotations

import pytest
from support.fake_org import HANGS, LOCKED, TIMEOUT, UNAVAILABLE, account, refused

from agents.delivery.existence_cache import ExistenceCache
from agents.delivery.retry_in_place import (
    RETRY_IN_PLACE,
    NextAction,
    RetryInPlace,
    next_action,
)
from agents.delivery.row_tracker import root_cause
from agents.delivery.types import RefusedWrite
from agents.salesforce.errors.error_kind import ErrorKind
from schemas.salesforce import Row
from stream.backoff import Backoff

INSIDE = refused(500, "UNKNOWN_EXCEPTION")
FULL = refused(403, "REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests Limit exceeded.")


@pytest.mark.parametrize(
    ("history", "is_lone", "move"),
    [
        ([UNAVAILABLE] * 50, True, NextAction.REPEAT),
        ([UNAVAILABLE] * 50, False, NextAction.REPEAT),
        ([FULL] * 50, False, NextAction.REPEAT),
        ([refused(401, "INVALID_SESSION_ID")] * 50, False, NextAction.REPEAT),
        ([INSIDE] * 2, False, NextAction.REPEAT),
        ([INSIDE] * 3, False, NextAction.SUSPECT),
        ([INSIDE] * 5, True, NextAction.REPEAT),
        ([INSIDE] * 6, True, NextAction.SUSPECT),
        ([TIMEOUT] * 3, False, NextAction.SUSPECT),
        ([HANGS], False, NextAction.SUSPECT),
        ([HANGS], True, NextAction.REPEAT),
        ([HANGS] * 2, True, NextAction.SUSPECT),
        ([UNAVAILABLE] * 9 + [TIMEOUT], False, NextAction.REPEAT),
        ([refused(400, "REQUEST_RUNNING_TOO_LONG")], False, NextAction.HALVE),
        ([refused(400, "REQUEST_RUNNING_TOO_LONG")], True, NextAction.REPEAT),
        ([refused(413, "")], False, NextAction.HALVE),
        ([refused(400, "ODD_CODE")], False, NextAction.SEARCH),
        ([refused(400, "INVALID_FIELD", "No such column")], False, NextAction.SEARCH),
        ([refused(403, "API_DISABLED_FOR_ORG")], False, NextAction.HOLD),
        ([refused(400, "UNABLE_TO_LOCK_ROW")], False, NextAction.REPEAT),
        ([refused(400, "UNABLE_TO_LOCK_ROW")] * 3, False, NextAction.HALVE),
    ],
)
def test_moves(history, is_lone, move):
    assert next_action(history, RETRY_IN_PLACE, is_lone=is_lone) is move


def test_the_wait_has_full_jitter_doubles_and_is_capped():
    policy = RetryInPlace(backoff=Backoff(1, 5))
    assert [policy.backoff_seconds(n, lambda: 1.0) for n in range(5)] == [1, 2, 4, 5, 5]
    assert policy.backoff_seconds(3, lambda: 0.0) == 0
    assert policy.backoff_seconds(10**6, lambda: 1.0) == 5


def test_a_locked_row_holds_its_neighbours_for_a_second_at_most():
    policy = RETRY_IN_PLACE
    rests = [policy.row_backoff_seconds(n, lambda: 1.0) for n in range(1, policy.rounds + 1)]
    assert 0.5 < sum(rests) <= 1


def test_the_root_cause_is_neither_an_orphan_nor_collateral():
    orphan = RefusedWrite(ErrorKind.ORDERING, "INVALID_FIELD", "Foreign key")
    halted = RefusedWrite(ErrorKind.TRANSIENT, "PROCESSING_HALTED", "another row failed")
    lock = RefusedWrite(ErrorKind.LOCK, LOCKED.code, LOCKED.message)
    bad = RefusedWrite(ErrorKind.PERMANENT, "STRING_TOO_LONG", "too long")
    assert root_cause([orphan, halted, lock]) is lock
    assert root_cause([orphan, halted, lock, bad]) is bad
    assert root_cause([orphan]) is orphan


def test_plain_rows_are_remembered_only_where_others_create_on_demand():
    known = ExistenceCache()
    plain = Row("Account", "K__c", "a", {"Name": "x"})
    known.remember(plain, "1")
    assert known.id_of(plain) is None
    known.remember(account("b"), "2")
    known.remember(plain, "1")
    assert known.id_of(Row("Account", "K__c", "A")) == "1"
    known.forget(plain)
    assert known.id_of(plain) is None


def test_the_least_recently_used_record_is_forgotten_first():
    known = ExistenceCache(max_records=2)
    known.remember(account("a"), "1")
    known.remember(account("b"), "2")
    known.id_of(account("a"))
    known.remember(account("c"), "3")
    assert known.id_of(account("b")) is None
    assert known.id_of(account("a")) == "1"
