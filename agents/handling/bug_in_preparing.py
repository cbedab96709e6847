"""A bug that one event brings out before anything is written costs that event only.

What is done for a batch as a whole, key by key, is no place for a guard around each event. So when
it breaks, each key is prepared by itself, and of a key that breaks again its first event alone:
the others of the key are taken again behind it. Out of the handler, the bug would end the worker,
and each worker after it, until the crash journal had found the event by itself.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import structlog

from agents.handling.intent import Prepared
from agents.handling.outcome import Decision
from schemas.event import Envelope, Kind
from stream.errors import FrozenError

log = structlog.get_logger()

Prepare = Callable[[Sequence[Envelope]], Awaitable[Prepared]]
Bug = Callable[[Envelope, Exception], Decision]


async def prepared_apart(envelopes: Sequence[Envelope], prepare: Prepare, bug: Bug) -> Prepared:
    """Prepare all together; by key where a bug prevents it. Raises FrozenError only."""
    try:
        return await prepare(envelopes)
    except FrozenError:
        raise
    except Exception as error:
        if len(envelopes) == 1:
            return Prepared([bug(envelopes[0], error)])
        log.exception("prepare_bug", events=len(envelopes))
    keys: dict[tuple[Kind, str], list[Envelope]] = {}
    for envelope in envelopes:
        keys.setdefault((envelope.kind, envelope.key), []).append(envelope)
    whole = Prepared([])
    for events in keys.values():
        if len(keys) > 1:
            part = await prepared_apart(events, prepare, bug)
        else:
            part = await prepared_apart(events[:1], prepare, bug)
            part.later.extend(events[1:])
        whole.decisions.extend(part.decisions)
        whole.intents.extend(part.intents)
        whole.later.extend(part.later)
        whole.behind.extend(part.behind)
    return whole
