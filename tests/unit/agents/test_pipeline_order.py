"""Any interleaving of batches in flight keeps the order of acknowledgements."""

import asyncio
import random

from hypothesis import given, settings
from hypothesis import strategies as st
from support.pipeline_world import World


@given(seed=st.integers(0, 10**6))
@settings(max_examples=40, deadline=None)
def test_any_interleaving_acknowledges_in_order_and_calls_one_lock_at_a_time(
    seed, tmp_path_factory
):
    chance = random.Random(seed)

    async def story():
        slots, most = chance.randint(1, 4), chance.choice((1, 3, 1000))  # lines of so many orders
        world = World(tmp_path_factory.mktemp("w"), chance, slots=slots, max_batch=most)
        latest, events = {}, []
        for _ in range(chance.randint(1, 60)):
            number = f"o{chance.randint(1, 8)}"
            latest[number] = latest.get(number, 0) + 1
            customer, is_news = f"c{hash(number) % 3}@example.com", chance.random() < 0.3
            made = world.event(number, latest[number], customer=customer, is_news=is_news)
            events.append(made)
        for event in events:
            await world.pipeline.room()
            world.pipeline.add(event)
            await world.breathe()
            world.check()
        if chance.random() < 0.5:
            assert await world.pipeline.fence(5)
            assert len(world.acked) + len(world.dropped) == len(events)
        else:
            async with asyncio.timeout(10):
                while len(world.acked) < len(events):
                    await asyncio.sleep(0)
            for number, version in latest.items():
                assert world.states[f"order:{number}".encode()].version.endswith(f":{version:02d}")
        world.check()

    asyncio.run(story())
