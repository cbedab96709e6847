"""A worker with one fault built in, as a process: `python sabotaged_worker.py KIND`.

KIND `escape`: the pipeline's own code raises for order 666. KIND `hang`: it never returns for it.
KIND `die`: the process ends without a word while it maps order 666.
KIND `skip`: Faust drops the first records that it fetched after a while, as it does in rebalances.
KIND `clear`: Faust clears its agent's queue under load, as at the end of a second recovery.
KIND `refuse`: the group's coordinator refuses its third heartbeat, as while it loads rights.
KIND `deaf`: aiokafka's fetcher ends by an error of its own after some answers.
KIND `crash`: one of Faust's own tasks beside the stream raises after some seconds.
"""

import os
import sys

import uvloop
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.errors import GroupAuthorizationFailedError
from faust.transport.drivers.aiokafka import Consumer

from agents.mapping.mapping import Mapping
from agents.worker.faust_app import WorkerApp
from agents.worker.pipeline import Pipeline
from agents.worker.process import run_worker
from stream.config import Role, load_settings
from stream.kafka.heeding_fetcher import HeedingFetcher
from stream.ops.logs import configure_logs

POISON = "000000666"
FROM_OFFSET, SKIPPED, CLEARED, ANSWERS = 3, 20, 5, 5


def skip_records():
    getmany, left = Consumer.getmany, SKIPPED

    async def forgetful_getmany(self, timeout):
        nonlocal left
        async for tp, message in getmany(self, timeout):
            if left and message.offset >= FROM_OFFSET:
                left -= 1
            else:
                yield tp, message

    Consumer.getmany = forgetful_getmany


def clear_queues():
    follows, left = WorkerApp.follows, CLEARED

    def clearing_follows(self, tp, offset, generation):
        nonlocal left
        verdict = follows(self, tp, offset, generation)
        if left and offset >= FROM_OFFSET:
            left -= 1
            self.flow_control.resume()
            self.consumer.resume_flow()
        return verdict

    WorkerApp.follows = clearing_follows


def refuse_for_a_moment():
    ask, left = GroupCoordinator._do_heartbeat, 3

    async def refused_heartbeat(self):
        nonlocal left
        left -= 1
        if left == 0:
            raise GroupAuthorizationFailedError(self.group_id)
        return await ask(self)

    GroupCoordinator._do_heartbeat = refused_heartbeat
    commit, is_to_come = GroupCoordinator._do_commit_offsets, True

    async def refused_commit(self, assignment, offsets):
        nonlocal is_to_come
        if offsets and is_to_come:
            is_to_come = False
            raise GroupAuthorizationFailedError(self.group_id)
        return await commit(self, assignment, offsets)

    GroupCoordinator._do_commit_offsets = refused_commit


def end_the_fetcher():
    fetch, left = HeedingFetcher._proc_fetch_request, ANSWERS

    async def failing_fetch(self, *request):
        nonlocal left
        if self._client._client_id.startswith("faust"):
            left -= 1
        if left == 0:
            raise KeyError("a bug inside aiokafka")
        return await fetch(self, *request)

    HeedingFetcher._proc_fetch_request = failing_fetch


async def crash(_consumer):
    raise AssertionError("a bug inside Faust")


def sabotage(kind):
    work, apply = Pipeline._work, Mapping.apply

    async def broken_work(self, events, *more):
        if any(held.envelope.key == POISON for held in events):
            if kind == "escape":
                raise ZeroDivisionError("a bug outside the handler")
            if kind == "hang":
                import asyncio

                await asyncio.Event().wait()
        await work(self, events, *more)

    def deadly_apply(self, document, **more):
        if document.key == POISON:
            os._exit(139)
        return apply(self, document, **more)

    Pipeline._work = broken_work
    if kind == "crash":
        Consumer.verify_all_partitions_active = crash
    if kind == "die":
        Mapping.apply = deadly_apply
    early = {"clear": clear_queues, "skip": skip_records, "refuse": refuse_for_a_moment}
    early["deaf"] = end_the_fetcher
    early.get(kind, lambda: None)()


if __name__ == "__main__":
    sabotage(sys.argv[1])
    settings = load_settings(Role.WORKER)
    configure_logs(process=f"worker/{settings.worker_id}")
    uvloop.run(run_worker(settings))
