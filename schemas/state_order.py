"""Which of two states of a key counts? Pure.

The topic's order says nothing: a worker that the group had expelled may have written last. So a
state with an older version never takes the place of one with a newer version, wherever it stands.
Four states may go back, because a person, the store or the bound on a sender's clock meant them to:
one that was reset, one with a later correction, one that overruled the other (a repair), and one
behind a version that lies in the future.
"""

from __future__ import annotations

from functools import lru_cache

from schemas.state import State


def goes_back(known: bytes, value: bytes, latest: str) -> bool:
    """Whether a stored state is older than the one that is known, or none at all.

    `latest`: the newest version that anybody may have given by now.
    """
    had, state = read_state(known), read_state(value)
    return had is not None and (state is None or is_older(state, had, latest))


@lru_cache(maxsize=1024)  # of an order it is asked at each step, and again when it was written
def read_state(value: bytes) -> State | None:
    """Return a stored state; None for what somebody else wrote into the topic.

    Nobody changes one that was read.
    """
    try:
        return State.from_bytes(value)
    except ValueError:
        return None


def is_older(state: State, known: State, latest: str) -> bool:
    """Whether a state is of an older version than another one, and not meant to be."""
    if state.is_reset or state.is_unknown or known.is_ahead_of(latest):
        return False
    if state.edited_ms > known.edited_ms:
        return False
    whole, had = state.whole, known.whole
    if any(one and one.mark and one.mark in state.overruled for one in (known, had)):
        return False
    if state.version != known.version:
        return bool(state.version) and state.version < known.version
    # Both end with one save: the one that knows of a later whole save beneath it is the newer.
    return had is not None and (whole.version if whole else "") < had.version
