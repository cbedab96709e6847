"""The error table as a document: docs/salesforce-errors.md. Run it to make the document again."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from agents.salesforce.errors.error_kind import ErrorKind
from agents.salesforce.errors.error_rule import Advice, ErrorRule
from agents.salesforce.errors.error_table import (
    BY_STATUS,
    NOT_FROM_THE_API,
    RULES,
    UNKNOWN_FAILURE,
    WRAPPER_CODES,
)
from agents.salesforce.errors.fixes import EventState, fix_for

HEAD = """# What Salesforce answers, and what it means here

Search for the code that Salesforce, a log line or a dead letter shows. The code decides, never the
words of a message, which come in the language of the integration user.

| what becomes of the event | |
|---|---|
"""
KINDS = {
    ErrorKind.TRANSIENT: "repeated by itself; alike for everybody: all wait, nobody is charged",
    ErrorKind.LOCK: "repeated at once, then by the retry tiers",
    ErrorKind.ORDERING: "repeated after its parent",
    ErrorKind.AUTH: "everything pauses until somebody gets in again",
    ErrorKind.QUOTA: "everything pauses until calls are free again",
    ErrorKind.CONCURRENCY: "fewer calls at once",
    ErrorKind.PERMANENT: "dead letter, unless nothing of its kind passes: then it is held",
    ErrorKind.UNKNOWN: "once more, later; then a dead letter",
    ErrorKind.CONFIG: "waits while nothing of its kind passes; else retried, then a dead letter",
}
STATES = """
Beside the instruction below, an event says what becomes of it:

* {retried}
* {parked}
* {dead}
"""
WRAPPED = """
{codes} only say where something went wrong: a code inside their message counts instead.
One of a login or of the day's calls does not: a callout of the org's automation was told it.

"""
STATUS_HEAD = """
## By HTTP status, where the code says nothing

Only 400, 413, 414 and 431, and a firewall's page (403, 406) or redirect (302, 303, 307), can be the
fault of a row; the guilty one is searched. Any other status speaks of the call: nobody is charged.

| status | kind | meaning | what to do |
|---|---|---|---|
"""


def markdown() -> str:
    return "".join(_parts())


def _parts() -> Iterator[str]:
    yield HEAD
    yield from (f"| {kind.value} | {text} |\n" for kind, text in KINDS.items())
    yield STATES.format(**{state.value: fix_for(state, "…") for state in EventState})
    yield WRAPPED.format(codes=", ".join(f"`{code}`" for code in sorted(WRAPPER_CODES)))
    yield "| code | kind | meaning | what to do |\n|---|---|---|---|\n"
    rows = sorted((code.casefold(), code, rule) for rule in RULES for code in rule.codes)
    yield from (_row(f"`{code}`", rule) for _, code, rule in rows)
    yield STATUS_HEAD
    yield _row("400 or 403 without a code", NOT_FROM_THE_API)
    yield from (_row(_named(statuses), rule) for statuses, rule in BY_STATUS)
    yield _row("500-599", UNKNOWN_FAILURE)


def _named(statuses: range) -> str:
    last = statuses.stop - 1
    return f"{statuses.start}" if last == statuses.start else f"{statuses.start}-{last}"


def _row(name: str, rule: ErrorRule) -> str:
    smaller = " Repeated in smaller calls." if rule.advice is Advice.SEND_LESS else ""
    return f"| {name} | {rule.kind.value} | {rule.meaning}{smaller} | {rule.fix} |\n"


if __name__ == "__main__":
    sys.stdout.write(markdown())
