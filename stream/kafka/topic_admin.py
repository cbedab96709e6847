"""Reading and making topics on the cluster, as `topic_plan` says. Every step may be repeated."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any, Self

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import (
    KafkaError,
    NoError,
    TopicAlreadyExistsError,
    UnknownTopicOrPartitionError,
    for_code,
)

from stream.config import Settings
from stream.errors import SettingsError, TopicAdminError
from stream.kafka.closing import closed
from stream.kafka.connection import kafka_connection
from stream.kafka.error_text import RESOURCES, error_text
from stream.kafka.topic_plan import (
    ExistingTopic,
    TopicAction,
    TopicPlan,
    config_changes,
    made_config,
    plan_topics,
    wanted_config,
)
from stream.topics import TopicSpec

REQUEST_TIMEOUT_SECONDS = 15
VISIBLE_TIMEOUT_SECONDS = 30
POLL_SECONDS = 0.1
# Kafka's DescribeConfigs: where a value comes from; 1 = set on the topic itself.
DYNAMIC_TOPIC_CONFIG = 1


class TopicAdmin:
    """An admin connection. Use as an async context manager; raises TopicAdminError."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._client = AIOKafkaAdminClient(
            **kafka_connection(settings), request_timeout_ms=REQUEST_TIMEOUT_SECONDS * 1000
        )

    async def __aenter__(self) -> Self:
        try:
            await self._client.start()
        except (KafkaError, OSError, ValueError) as error:
            await closed(self._client.close())
            servers = self._settings.kafka_bootstrap_servers
            raise TopicAdminError(
                f"no Kafka at KAFKA_BOOTSTRAP_SERVERS={servers}: {error}"
            ) from error
        return self

    async def __aexit__(self, *_error: object) -> None:
        await closed(self._client.close())

    async def broker_count(self) -> int:
        """Return how many brokers the cluster has now."""
        return len((await _answer(self._client.describe_cluster()))["brokers"])

    async def plan(self, specs: Sequence[TopicSpec]) -> list[TopicPlan]:
        """Compare the wanted topics with the cluster's."""
        return plan_topics(
            specs,
            await self.existing([spec.name for spec in specs]),
            partitions=self._settings.kafka_partitions,
            replication_factor=self._settings.kafka_replication_factor,
        )

    async def apply(self, specs: Sequence[TopicSpec]) -> list[TopicPlan]:
        """Create and change what can be done safely; return the plan that was carried out.

        Returns when every topic is there, with leaders and the wanted settings.
        """
        plans = await self.plan(specs)
        missing = {plan.name for plan in plans if plan.action is TopicAction.CREATE}
        if missing:
            await self.create([spec for spec in specs if spec.name in missing])
        changed = [plan for plan in plans if plan.action is TopicAction.CHANGE]
        if changed:
            await self._change(changed)
            await self._wait_until_applied(specs)
        return plans

    async def create(self, specs: Sequence[TopicSpec]) -> None:
        """Create topics and wait until they have leaders; existing ones are left alone."""
        replicas = self._settings.kafka_replication_factor
        await self._check_brokers(replicas)
        topics = [
            NewTopic(
                spec.name,
                self._settings.kafka_partitions,
                replicas,
                topic_configs=made_config(spec, replicas),
            )
            for spec in specs
        ]
        response = await _answer(self._client.create_topics(topics))
        _check(response.topic_errors, right="Create", allowed=TopicAlreadyExistsError)
        await self._wait_until_applied(specs)

    async def delete(self, names: Sequence[str]) -> None:
        """Delete topics and everything in them."""
        response = await _answer(self._client.delete_topics(list(names)))
        _check(response.topic_error_codes, right="Delete")

    async def existing(self, names: Sequence[str]) -> dict[str, ExistingTopic]:
        """Return those of the topics that exist."""
        # All topics: asking for a missing one by name would create it on some clusters.
        described = await _answer(self._client.describe_topics())
        wanted = set(names)
        found = {
            topic["topic"]: topic["partitions"]
            for topic in described
            if topic["topic"] in wanted and topic["partitions"]
        }
        configs = await self._configs(list(found))
        return {
            name: ExistingTopic(
                partitions=len(partitions),
                replication_factor=min(len(partition["replicas"]) for partition in partitions),
                config=configs[name][0],
                overrides=configs[name][1],
                leaderless=sum(partition["leader"] < 0 for partition in partitions),
            )
            for name, partitions in found.items()
            if name in configs
        }

    async def _configs(self, names: list[str]) -> dict[str, tuple[dict[str, str], dict[str, str]]]:
        if not names:
            return {}
        resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
        responses = await _answer(self._client.describe_configs(resources))
        configs = {}
        for response in responses:
            for code, message, _type, name, entries in response.resources:
                _check(
                    [(name, code, message)],
                    right="DescribeConfigs",
                    allowed=UnknownTopicOrPartitionError,
                )
                if code:  # deleted since it was listed
                    continue
                values = {entry[0]: entry[1] or "" for entry in entries}
                own = {entry[0] for entry in entries if entry[3] == DYNAMIC_TOPIC_CONFIG}
                configs[name] = (values, {key: values[key] for key in own})
        return configs

    async def _change(self, plans: Sequence[TopicPlan]) -> None:
        resources = [
            ConfigResource(ConfigResourceType.TOPIC, plan.name, configs=plan.config)
            for plan in plans
        ]
        for response in await _answer(self._client.alter_configs(resources)):
            rows = [(name, code, message) for code, message, _type, name in response.resources]
            _check(rows, right="AlterConfigs")

    async def _check_brokers(self, replicas: int) -> None:
        brokers = await self.broker_count()
        if brokers < replicas:
            raise SettingsError(
                [f"KAFKA_REPLICATION_FACTOR: is {replicas}, the cluster has {brokers} broker(s)"]
            )

    async def _wait_until_applied(self, specs: Sequence[TopicSpec]) -> None:
        deadline = time.monotonic() + VISIBLE_TIMEOUT_SECONDS
        while waiting := await self._unfinished(specs):
            if time.monotonic() > deadline:
                raise TopicAdminError(
                    f"not visible after {VISIBLE_TIMEOUT_SECONDS} s: {', '.join(waiting)}"
                )
            await asyncio.sleep(POLL_SECONDS)

    async def _unfinished(self, specs: Sequence[TopicSpec]) -> list[str]:
        replicas = self._settings.kafka_replication_factor
        existing = await self.existing([spec.name for spec in specs])
        return [
            spec.name
            for spec in specs
            if (topic := existing.get(spec.name)) is None
            or topic.leaderless
            or config_changes(wanted_config(spec, replicas), topic.config)
        ]


async def _answer(request: Any) -> Any:
    try:
        return await request
    except (KafkaError, OSError) as error:
        raise TopicAdminError(f"Kafka did not answer: {error}") from error


def _check(results: Any, *, right: str, allowed: type[KafkaError] | None = None) -> None:
    """Raise for the topics Kafka refused. Rows are (topic, error code[, message]).

    `right`: which one was needed; Kafka does not say.
    """
    refused = []
    for topic, code, *message in results:
        error = for_code(code)
        if error not in (NoError, allowed):
            reason = next((text for text in message if text), error.description)
            if error in RESOURCES:
                refused.append(error_text(error(topic), operation=right))
            else:
                refused.append(f"{topic}: {error.__name__}: {reason}")
    if refused:
        raise TopicAdminError("Kafka refused: " + "; ".join(refused))
