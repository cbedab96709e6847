"""Which writes of a batch share a call, decided at a glance where no two share a lock."""

from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from agents.delivery.call_planner import lock_groups, locks_of
from agents.worker.batches import LARGE_GROUP, LARGEST_GROUPS, split_by_lock

accounts = st.sampled_from(["", "A", "a", "b", "c", "d", "e"])


def intent(number, account, customer):
    rows = [
        SimpleNamespace(
            identity=("Opportunity", str(number)), customer_id="", sobject="Opportunity"
        ),
        SimpleNamespace(identity=("Contact", account), customer_id=customer, sobject="Contact"),
    ]
    write_set = SimpleNamespace(lock_key=account, rows=rows[: 2 if account else 1])
    return SimpleNamespace(
        number=number, write_set=write_set, locks=frozenset((number, *locks_of(write_set)))
    )


def by_groups(intents):
    """What the calls are by the groups of those that share a lock."""
    shared, apart = [], []
    for group in lock_groups([one.write_set for one in intents]):
        is_most = LARGEST_GROUPS * len(group) >= len(intents) > len(group)
        (apart.append(group) if len(group) >= LARGE_GROUP and is_most else shared.extend(group))
    return [call for call in (shared, *apart) if call]


@given(st.lists(st.tuples(accounts, st.sampled_from(["", "1", "2"])), max_size=40))
def test_calls_are_those_of_the_groups(said):
    intents = [intent(number, *one) for number, one in enumerate(said)]
    calls = split_by_lock(intents)
    assert [[one.number for one in call.candidates] for call in calls] == by_groups(intents)


def test_a_group_that_would_hold_up_the_others_has_a_call_of_its_own():
    intents = [intent(n, "a" if n % 2 else f"own-{n}", "") for n in range(2 * LARGE_GROUP)]
    shared, apart = split_by_lock(intents)
    assert {one.number % 2 for one in shared.candidates} == {0}
    assert {one.number % 2 for one in apart.candidates} == {1}


def test_who_shares_nothing_goes_together():
    (call,) = split_by_lock([intent(n, f"own-{n}", "") for n in range(3)])
    assert [one.number for one in call.candidates] == [0, 1, 2]
    assert call.intents == []
