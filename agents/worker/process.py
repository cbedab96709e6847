"""A worker process: everything wired together, from settings to the running agent."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress

import structlog

from agents.delivery.cost_model import CostModel
from agents.delivery.dispatcher import build_dispatcher
from agents.delivery.line_items import LineDispatcher
from agents.handling.dead_letter_stop import DeadLetterStop
from agents.handling.debounce import Debounce
from agents.handling.enrichment import SHORT_PATIENCE, Enrich, Enricher
from agents.handling.handler import Handler
from agents.handling.late_senders import LateSenders
from agents.handling.outcome import Decision
from agents.handling.poison_pills import PoisonPillJournal
from agents.handling.publish_outcomes import OutcomePublisher, stamped
from agents.handling.record_trust import RecordTrust
from agents.handling.state_store import StateStore
from agents.mapping.mapping import Mapping as RecordMapping
from agents.pacing.admission import Admission
from agents.pacing.sizing import most_in_hand
from agents.pacing.stall_clock import Progress
from agents.salesforce.api.client import OrgClient
from agents.salesforce.api.wiring import build_client
from agents.salesforce.http.usage import Usage
from agents.worker.agent import add_sync_agent
from agents.worker.batch_log import log_successes
from agents.worker.call_pacing import CallPacing
from agents.worker.context import WorkerContext
from agents.worker.death_watch import DeathWatch
from agents.worker.faust_app import WorkerApp, create_app
from agents.worker.faust_fence import fence_and_commit
from agents.worker.group_lag import GroupBacklog, is_bulk_backlog, look_at_group
from agents.worker.handover import FENCE_MARGIN_SECONDS, settle_before_revokes
from agents.worker.org_schema import OrgSchema
from agents.worker.session_guard import Fence, SessionGuard
from agents.worker.shutdown import Shutdown, end_uncommitted
from agents.worker.watchdog import Watchdog
from stream.config import Settings
from stream.kafka.blocking_publish import BlockingPublish
from stream.kafka.connection import kafka_connection
from stream.kafka.first_connection import StoppedBeforeConnected, wait_until_answered
from stream.kafka.publisher import Ack, KafkaPublisher, Record
from stream.kafka.topic_check import refuse_shortage, watch_topics
from stream.magento.client import open_magento
from stream.ops import metrics
from stream.ops.alert_webhook import alert_webhook
from stream.ops.alerts import Alerts
from stream.ops.background import in_background
from stream.ops.gc_tuning import settle_garbage_collector
from stream.ops.status_server import status_server
from stream.settings.magento import MagentoSettings

log = structlog.get_logger()

TICK_SECONDS = 0.5
# Less than the whole session: the broker counts from the last heartbeat, not from our last tick.
FREEZE_SHARE = 0.8


async def run_worker(settings: Settings) -> None:
    """Run a worker until it is told to stop. Raises MappingFileError before anything starts."""
    mapping = RecordMapping.load(settings.mapping_file)
    life, progress = Shutdown(), Progress()
    metrics.start_counters_at_zero()
    life.install(settings.worker_stop_deadline_seconds)
    async with AsyncExitStack() as stack:
        stack.enter_context(suppress(StoppedBeforeConnected))
        alerts = Alerts()
        source = f"worker {settings.worker_id}"
        await stack.enter_async_context(alert_webhook(settings, alerts, source=source))
        app = create_app(settings)
        app.when_rebalance_starts = life.when_rebalance_starts
        url = await stack.enter_async_context(
            status_server(
                settings.status_host, settings.status_port, not_ready=lambda: _not_ready(app)
            )
        )
        log.info("worker_starting", status_url=url, mapping_version=mapping.version)
        await refuse_shortage(settings)
        context = await _connect(
            settings, mapping, app=app, life=life, progress=progress, alerts=alerts, stack=stack
        )
        pipeline, aside = add_sync_agent(app, settings.topics, context, alerts)
        app.when_crashed = lambda error: None if life.is_stopping else context.end_process(error)
        patience = settings.salesforce_timeout_seconds + FENCE_MARGIN_SECONDS
        settle_before_revokes(
            app, life, pipeline, aside, end_process=context.end_process, patience_seconds=patience
        )
        await app.start()
        settle_garbage_collector()
        log.info("worker_started", status_url=url)
        watchdog = Watchdog(
            progress=progress,
            look=lambda: look_at_group(settings),
            alerts=alerts,
            limit_seconds=settings.worker_stall_seconds,
            oldest_seconds=pipeline.oldest_seconds,
        )
        await stack.enter_async_context(in_background(lambda: watchdog.run(life.stopping)))
        stack.push_async_callback(app.read_log.close)
        await stack.enter_async_context(in_background(lambda: watch_topics(settings, alerts)))
        watch_logs = in_background(lambda: app.read_log.watch(alerts, app.rejoin))
        await stack.enter_async_context(watch_logs)
        await stack.enter_async_context(in_background(aside.watch))
        await life.stopping.wait()
        await fence_and_commit(app.consumer, app.when_revoked)
        await app.stop()
    log.info("worker_stopped")


async def _connect(
    settings: Settings,
    mapping: RecordMapping,
    *,
    app: WorkerApp,
    life: Shutdown,
    progress: Progress,
    alerts: Alerts,
    stack: AsyncExitStack,
) -> WorkerContext:
    """Connect to Kafka and Salesforce; what was opened is closed by the stack."""
    topics = settings.topics
    publisher = KafkaPublisher(settings)
    stack.push_async_callback(publisher.stop)
    await publisher.start()
    await wait_until_answered(publisher.connected, life.stopping, alerts=alerts)
    state = StateStore(topic=topics.state, connection=kafka_connection(settings))
    await state.start()
    stack.push_async_callback(state.stop)
    patience = FREEZE_SHARE * settings.kafka_session_timeout_seconds
    freeze = SessionGuard(limit_seconds=patience)
    fence = Fence(freeze, app.membership, silence_seconds=patience)
    backlog = GroupBacklog()
    await stack.enter_async_context(in_background(lambda: backlog.watch(settings)))
    costs = CostModel(target_seconds=settings.salesforce_latency_target_seconds)
    client, dispatcher = _salesforce(settings, life, progress, alerts, backlog=backlog, costs=costs)
    app.when_assigned = dispatcher.gate.divide
    await stack.enter_async_context(in_background(lambda: _tick(freeze)))
    stack.callback(client.close)
    journal = PoisonPillJournal(settings.state_directory / f"in-hand-{settings.worker_id}.json")
    org = OrgSchema(
        client=client,
        mapping=mapping,
        alerts=alerts,
        life=life,
        progress=progress,
        probe_seconds=settings.breaker_probe_seconds,
    )
    publish_acked = BlockingPublish(
        publisher, alerts=alerts, check_alive=fence.check, may_send=lambda: fence.is_certain
    )

    async def publish_all(records: Sequence[Record]) -> Sequence[Ack]:
        with progress.waiting("kafka"):
            return await publish_acked(stamped(records, fence.generation, topics))

    outcomes = OutcomePublisher(publish_all, state, topics)
    state.restore, state.check_alive = outcomes.restore, fence.check
    handler = Handler(
        org_mapping=org.mapping,
        doubt_org=org.doubt,
        dispatcher=dispatcher,
        get_state=state.get,
        check_alive=fence.check_certain,
        topics=topics,
        worker=settings.worker_id,
        identity=settings.identity,
        debounce_ms=int(settings.debounce_seconds * 1000),
        settling=Debounce(max_ms=int(settings.debounce_max_seconds * 1000)),
        journal=journal,
        enrich=await _enrich(settings, mapping, alerts, stack),
        note_doubt=outcomes.announce,
        trust=RecordTrust.of(settings),
        late=LateSenders(alerts),
        is_inherited=state.is_inherited,
        clock_tolerance_seconds=settings.magento_clock_tolerance_seconds,
    )
    stop = DeadLetterStop.of(settings, alerts)
    await stack.enter_async_context(in_background(lambda: stop.follow_releases(settings)))
    deaths = DeathWatch(settings, alerts)
    await stack.enter_async_context(in_background(deaths.run))

    async def finish(decisions: Sequence[Decision]) -> None:
        decisions = [stop.pass_on(decision) for decision in decisions]
        await outcomes.route(decisions)
        if settings.log_synced:
            log_successes(decisions)
        deaths.note(decision.result for decision in decisions)

    return WorkerContext(
        handler=handler,
        state=state,
        finish=finish,
        journal=journal,
        progress=progress,
        check_alive=fence.check,
        pacing=CallPacing(
            admission=dispatcher.gate,
            costs=costs,
            is_bulk=lambda: is_bulk_backlog(settings, backlog.events),
            linger_seconds=settings.worker_linger_seconds,
            max_batch=settings.worker_batch_max_events,
        ),
        end_process=lambda error: end_uncommitted(error, alerts),
        max_held=max(
            settings.worker_window_events or most_in_hand(settings.salesforce_concurrency),
            settings.worker_batch_max_events,
        ),
        max_held_bytes=settings.worker_window_bytes,
        asks_first=dispatcher.asks_first,
        unanswered=publisher.unanswered,
    )


async def _enrich(
    settings: MagentoSettings, mapping: RecordMapping, alerts: Alerts, stack: AsyncExitStack
) -> Enrich | None:
    """Return what completes events by Magento's REST API; None while it is switched off."""
    if not settings.magento_enrich:
        return None
    magento = await stack.enter_async_context(open_magento(settings, patience=SHORT_PATIENCE))
    enricher = Enricher(
        magento,
        mapping.reads,
        identity=settings.identity,
        alerts=alerts,
        page_size=settings.magento_page_size,
        tolerance_seconds=settings.magento_clock_tolerance_seconds,
    )
    return enricher.enrich


def _salesforce(
    settings: Settings,
    life: Shutdown,
    progress: Progress,
    alerts: Alerts,
    *,
    backlog: GroupBacklog,
    costs: CostModel,
) -> tuple[OrgClient, LineDispatcher]:
    """Return client and dispatcher; the usage that calls report goes to the gate's budget."""
    gates: list[Admission] = []

    def note_usage(usage: Usage) -> None:
        gates[0].note_usage(usage)

    client = build_client(settings, alerts=alerts, on_usage=note_usage)
    dispatcher = build_dispatcher(
        settings,
        client,
        alerts,
        life.interrupt,
        progress,
        backlog=lambda: backlog.events,
        costs=costs,
    )
    gates.append(dispatcher.gate)
    return client, dispatcher


def _not_ready(app: WorkerApp) -> str | None:
    if not app.started:
        return "starting"
    return "rebalancing" if app.rebalancing else None


async def _tick(freeze: SessionGuard) -> None:
    while True:
        freeze.tick()
        await asyncio.sleep(TICK_SECONDS)
