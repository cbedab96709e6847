"""A partition that cannot be worked waits by itself; the others go on, and nothing is overtaken."""

from types import SimpleNamespace

import pytest

from agents.worker.offset_ledger import HeldEvent
from agents.worker.set_aside import SetAside
from stream.errors import NoLeaderError
from stream.ops.alerts import Alert, Alerts

ORDERS, STATE, RESULTS = "magento.orders", "salesforce.state", "salesforce.results"


class Cluster:
    """State store and consumer in one: `down` are (topic, number) pairs without a leader."""

    def __init__(self):
        self.down = set()
        self.numbers = {0, 1}
        self.generation = 7
        self.paused, self.gone_back = set(), []
        self.ensured = []
        self.on_ensure = lambda: None

    async def ensure(self, generations):
        self.on_ensure()
        (number,) = generations
        if (STATE, number) in self.down:
            raise NoLeaderError([(STATE, number)])
        self.ensured.append((number, generations[number]))

    async def leaderless(self, pairs):
        return sorted(self.down & set(pairs))

    def pause(self, number):
        self.paused.add(number)

    async def go_back(self, number):
        assert number in self.paused, "what comes meanwhile would come twice"
        self.gone_back.append(number)

    def resume(self, number):
        self.paused.discard(number)


class World:
    def __init__(self):
        self.cluster, self.entered, self.dropped = Cluster(), [], []
        self.alerts, self.silent = Alerts(), []
        self.aside = SetAside(
            self.cluster,
            self.cluster,
            topics=(STATE, RESULTS),
            alerts=self.alerts,
            enter=self.entered.append,
            drop=self.dropped.append,
            end_process=pytest.fail,
            unanswered=lambda _seconds: self.silent,
        )

    async def come(self, number, offset):
        held = HeldEvent(SimpleNamespace(value=b""), (ORDERS, number), offset, b"k")
        await self.aside.admit(held, self.cluster.generation)
        return held

    @property
    def is_loud(self):
        return Alert.PUBLISH_BLOCKED in self.alerts.active


@pytest.fixture
def world():
    return World()


async def test_a_state_without_leader_holds_up_its_own_partition_only(world):
    world.cluster.down = {(STATE, 1)}
    first, other, second = [await world.come(*at) for at in ((1, 0), (0, 0), (1, 1))]
    assert world.entered == [other]
    assert world.cluster.paused == {1}
    assert world.is_loud
    await world.aside.look()
    assert world.entered == [other]
    world.cluster.down = set()
    await world.aside.look()
    assert world.entered == [other, first, second]
    assert world.cluster.paused == set()
    assert not world.is_loud


async def test_results_that_nobody_can_write_stop_their_partition_before_its_next_event(world):
    await world.come(1, 0)
    world.cluster.down = {(RESULTS, 1)}
    await world.aside.look()
    late = await world.come(1, 1)
    assert late not in world.entered
    world.cluster.down = set()
    await world.aside.look()
    assert world.entered[-1] is late


async def test_a_partition_with_too_few_replicas_in_sync_takes_no_batch_after_the_first(world):
    """It has a leader. Each further batch with an event of it waited, until none was left."""
    begun = await world.come(1, 0)
    world.silent = [("salesforce.retry.30s", 1)]
    await world.aside.look()
    late, other = await world.come(1, 1), await world.come(0, 0)
    assert world.entered == [begun, other]
    assert world.cluster.paused == {1}
    world.silent = []
    await world.aside.look()
    assert world.entered == [begun, other, late]
    assert (world.cluster.paused, world.cluster.gone_back) == (set(), [1])


async def test_it_stays_told_when_another_says_that_kafka_answers_again(world):
    """After an outage `watch_topics` ends the alert, and partition 1 had no leader for hours."""
    world.cluster.down = {(RESULTS, 1)}
    await world.aside.look()
    world.alerts.resolve(Alert.PUBLISH_BLOCKED)
    await world.aside.look()
    assert world.is_loud
    world.cluster.down = set()
    await world.aside.look()
    assert not world.is_loud


async def test_who_publishes_tells_a_person_that_nothing_is_acknowledged_and_that_it_is_over(world):
    world.alerts.fire(Alert.PUBLISH_BLOCKED, "salesforce.dlq: no ack (for 10 s)")
    world.silent = [(RESULTS, 1)]
    await world.aside.look()
    world.silent = []
    await world.aside.look()
    assert world.is_loud


async def test_nothing_overtakes_what_waits_while_the_state_is_read(world):
    world.cluster.down = {(STATE, 1)}
    first = await world.come(1, 0)
    world.cluster.down = set()
    came = []
    world.cluster.on_ensure = lambda: came.append(world.entered.copy())
    await world.aside.look()
    second = await world.come(1, 1)
    assert came[0] == []
    assert world.entered == [first, second]


async def test_partitions_that_go_take_what_waits_with_them(world):
    world.cluster.down = {(STATE, 1)}
    held = await world.come(1, 0)
    world.aside.forget()
    assert world.dropped == [held]
    world.cluster.down, world.cluster.numbers = set(), {0}
    await world.aside.look()
    assert world.entered == []
    assert not world.is_loud


async def test_a_rebalance_while_the_state_is_read_is_waited_for(world):
    world.cluster.down = {(STATE, 1)}
    await world.come(1, 0)
    world.cluster.down = set()

    def rebalance():
        world.cluster.generation = 8
        world.cluster.on_ensure = lambda: None

    world.cluster.on_ensure = rebalance
    await world.aside.look()
    assert world.entered == []
    await world.aside.look()
    assert len(world.entered) == 1  # `enter` drops what is of another generation
    assert world.cluster.ensured[-1] == (1, 8)
