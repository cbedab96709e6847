"""A bounded memory forgets what was not used for longest, as cachetools' LRUCache does."""

from __future__ import annotations

from cachetools import LRUCache
from hypothesis import given
from hypothesis import strategies as st

from agents.delivery.recent import Recent

KEYS = st.sampled_from("abcdef")
STEPS = st.lists(st.tuples(st.sampled_from(["keep", "used", "in", "pop"]), KEYS))


@given(STEPS, st.integers(1, 4))
def test_it_remembers_what_an_lru_cache_remembers(steps, most):
    ours: Recent[str, int] = Recent(most)
    theirs: LRUCache[str, int] = LRUCache(most)
    for number, (step, key) in enumerate(steps):
        match step:
            case "keep":
                ours.keep(key, number)
                theirs[key] = number
            case "used":
                assert ours.get(key) == theirs.get(key)
                if key in ours:
                    ours.move_to_end(key)
            case "in":
                assert (key in ours) == (key in theirs)
            case _:
                assert ours.pop(key, None) == theirs.pop(key, None)
        assert dict(ours) == {key: theirs._Cache__data[key] for key in theirs}
