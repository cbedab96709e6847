"""When the retry topic or the DLQ cannot take a record, the main offset does not advance."""

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from stream.kafka.topic_admin import TopicAdmin

pytestmark = [pytest.mark.kafka, pytest.mark.e2e]

LOCKED = {"code": "UNABLE_TO_LOCK_ROW", "message": "unable to obtain exclusive access"}


async def set_max_bytes(rig, topic, size):
    admin = AIOKafkaAdminClient(bootstrap_servers=rig.settings.kafka_bootstrap_servers)
    await admin.start()
    try:
        resource = ConfigResource(
            ConfigResourceType.TOPIC, topic, configs={"max.message.bytes": str(size)}
        )
        await admin.alter_configs([resource])
    finally:
        await admin.close()


@pytest.mark.proof
async def test_a_retry_topic_that_is_gone_blocks_the_offset_until_it_is_back(make_rig):
    rig = await make_rig()
    worker = await rig.warm_worker()
    tier = rig.settings.topics.retry_tiers[0]
    async with TopicAdmin(rig.settings) as admin:
        await admin.delete([tier])
    rig.org.fault("row_error", external_id_pattern=".*", **LOCKED)
    (ack,) = await rig.publish([(1, 1)])
    await rig.until(lambda: "publish_blocked" in worker.output, timeout_seconds=60)
    assert await rig.committed_on(ack) <= ack.offset

    rig.org.clear_faults()
    async with TopicAdmin(rig.settings) as admin:
        await admin.create([spec for spec in rig.settings.topics.specs() if spec.name == tier])
    await rig.relay()
    report = await rig.settled(2, timeout_seconds=90)
    assert report.total.synced == 2
    assert "alert_resolved" in worker.output


@pytest.mark.proof
async def test_a_dead_letter_too_large_for_the_dlq_blocks_the_offset_until_it_fits(make_rig):
    rig = await make_rig()
    worker = await rig.warm_worker()
    dlq = rig.settings.topics.dead_letters
    await set_max_bytes(rig, dlq, 300)
    ack = await rig.publish_raw(b'{"order": "' + b"x" * 300 + b'"}')
    await rig.until(lambda: "publish_blocked" in worker.output, timeout_seconds=60)
    assert await rig.committed_on(ack) <= ack.offset

    assert await worker.kill() < 0, "killed meanwhile, it is redelivered"
    await set_max_bytes(rig, dlq, 8_000_000)
    await rig.worker("w2")
    report = await rig.settled(2, timeout_seconds=60)
    assert (report.total.synced, report.total.dead) == (1, 1)
