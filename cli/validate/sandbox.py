"""A whole pipe for `orderstream validate`, on this machine alone: the demo's, without its story."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from tempfile import mkdtemp

from cli.console.terminal import fail
from cli.demo.broker import BROKER, demo_broker
from cli.demo.run import DEMO_ENV, broker_env, delete_topics, stop_on_signals
from sandbox.broker import BrokerError, Source
from sandbox.pipeline import Pipeline
from sandbox.process import ProcessError
from sandbox.processes import Processes
from stream.config import Role, Settings, load_settings
from stream.ops.logs import configure_logs


@asynccontextmanager
async def sandbox_pipe(tell: Callable[[str], None]) -> AsyncIterator[tuple[Settings, str, str]]:
    """Yield (settings, webhook URL, webhook secret) of a running pipe; exits 2 without one."""
    configure_logs(level="error", style="console", process="cli")
    directory = Path(mkdtemp(prefix="orderstream-validate-"))
    try:
        async with AsyncExitStack() as stack:
            processes = await stack.enter_async_context(Processes(directory))
            stop_on_signals(processes)
            tell(
                f"starting Kafka, Salesforce (simulated), ingress, worker, relay; logs: {directory}"
            )
            pipeline, settings = await _start(stack, processes)
            yield settings, pipeline.webhook_url, pipeline.secret
    except (ProcessError, BrokerError) as error:
        fail(str(error))
    shutil.rmtree(directory, ignore_errors=True)


async def _start(stack: AsyncExitStack, processes: Processes) -> tuple[Pipeline, Settings]:
    servers, source = await stack.enter_async_context(demo_broker(processes))
    env = DEMO_ENV | broker_env(source)
    try:
        # Before the broker goes: who stops without one waits for its deadline.
        stack.push_async_callback(processes.stop_all, but=BROKER)
        pipeline = await Pipeline.start(processes, bootstrap_servers=servers, env=env)
    except* ProcessError as group:
        raise group.exceptions[0] from None
    values = {name.lower(): value for name, value in pipeline.env.items()}
    settings = load_settings(Role.OPERATOR, env_file=None, **values)
    if source is Source.GIVEN:
        stack.push_async_callback(delete_topics, settings)
    return pipeline, settings
