"""A topic that is deleted and made again, empty, under whoever reads and writes it."""

from __future__ import annotations

import asyncio

from stream.config import Settings
from stream.kafka.topic_admin import TopicAdmin


async def make_anew(settings: Settings, *names: str) -> None:
    """Return when the new topics are there and nothing can reach the old ones any more.

    A broker may know the old one for a while: what is written meanwhile goes with it.
    """
    specs = [spec for spec in settings.topics.specs() if spec.name in names]
    async with TopicAdmin(settings) as admin:
        await admin.delete(list(names))
        while await admin.existing(list(names)):
            await asyncio.sleep(0.05)
        await admin.create(specs)
