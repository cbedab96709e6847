"""Each private name of a library that the product uses is still there, under this name.

aiohttp, aiokafka and Faust may change them in any release: a new one that did fails here by name
(pyproject.toml bounds their versions), instead of in a connection or at a hand-over.
"""

import ast
import functools
import inspect
import re
import textwrap
from pathlib import Path

import faust
import pytest
from aiohttp import StreamReader, web
from aiohttp.web_protocol import RequestHandler
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.client import AIOKafkaClient
from aiokafka.conn import AIOKafkaConnection
from aiokafka.consumer.fetcher import Fetcher
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.record.default_records import _DefaultRecordBatchPy
from faust.sensors import Monitor
from faust.transport.conductor import Conductor
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, Consumer, Transport

from agents.worker.consumer_thread import WitnessingThread
from agents.worker.faust_app import WorkerApp
from agents.worker.faust_consumer import PromptConsumer, PromptTransport
from agents.worker.faust_events import AsItCame, QuietMonitor
from agents.worker.faust_fence import FencedConsumer, FencedTransport
from stream.http.app_server import GuardedRunner
from stream.http.connection_reaper import GuardedServer
from stream.http.guarded_connection import GuardedAppRequest, GuardedConnection, GuardedRequest
from stream.ingress.connection import Connection
from stream.kafka.heeding_fetcher import HeedingFetcher
from stream.kafka.prompt_connection import PromptConnection

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = ("schemas", "stream", "agents", "dashboard", "cli")

HEIRS = {
    Connection: RequestHandler,
    GuardedConnection: RequestHandler,
    GuardedRequest: web.BaseRequest,
    GuardedAppRequest: web.Request,
    GuardedRunner: web.AppRunner,
    GuardedServer: web.Server,
    WorkerApp: faust.App,
    AsItCame: faust.Schema,
    QuietMonitor: Monitor,
    PromptConsumer: Consumer,
    FencedConsumer: Consumer,
    PromptTransport: Transport,
    FencedTransport: Transport,
    WitnessingThread: AIOKafkaConsumerThread,
    HeedingFetcher: Fetcher,
    PromptConnection: AIOKafkaConnection,
}
# What is reached from outside the object: name → who has it.
REACHED = {
    "_message_accumulator": AIOKafkaProducer,
    "_coordinator": AIOKafkaConsumer,
    "_client": AIOKafkaConsumer,
    "_do_heartbeat": GroupCoordinator,
    "_send_req": GroupCoordinator,
    "_send_request": AIOKafkaAdminClient,
    "_maybe_uncompress": _DefaultRecordBatchPy,
    "_coordination_task": GroupCoordinator,
    "_heartbeat_task": GroupCoordinator,
    "_pending_exception": GroupCoordinator,
    "_commit_refresh_task": GroupCoordinator,
    "_fetcher": AIOKafkaConsumer,
    "_metadata_update": AIOKafkaClient,
    "_buffer": StreamReader,
    "_make_request": web.Application,
    "_handle": web.Application,
    "_tp_to_callback": Conductor,
    "_tp_to_callback_lock": Conductor,
}
# May match what is no attribute; may not miss one, however the line is broken.
OTHERS_PRIVATE = re.compile(r"(?<!\bself)(?<!\bcls)\.\s*_(?!_)")


@functools.cache
def source_of(kind):
    return textwrap.dedent(inspect.getsource(kind))


@functools.cache
def tree_of(kind):
    return ast.parse(source_of(kind))


def private(name):
    return name.startswith("_") and not name.startswith("__")


def is_own(node):
    """self._x, cls._x or super()._x"""
    if isinstance(node, ast.Name):
        return node.id in {"self", "cls"}
    return isinstance(node, ast.Call) and getattr(node.func, "id", "") == "super"


def own_names(kind):
    """Private names that a class reads, sets or defines on itself."""
    for node in ast.walk(tree_of(kind)):
        if isinstance(node, ast.Attribute) and private(node.attr) and is_own(node.value):
            yield node.attr
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and private(node.name):
            yield node.name


def made_by(kind):
    """Names that a class of ours makes itself: set in `__init__`, or in its slots."""
    body = tree_of(kind)
    made = set(kind.__dict__.get("__slots__", ()))
    for node in ast.walk(body):
        targets = getattr(node, "targets", None) or [getattr(node, "target", None)]
        if isinstance(node, ast.Assign | ast.AnnAssign):
            pairs = [t for target in targets for t in ast.walk(target)]
            made |= {t.attr for t in pairs if isinstance(t, ast.Attribute) and is_own(t.value)}
    return made


def has(kind, name):
    """Whether a library's class has a name: its own, a slot, or set somewhere in its source."""
    if hasattr(kind, name):
        return True
    return any(
        f"self.{name}" in source_of(base)
        for base in kind.__mro__
        if base.__module__ != "builtins"
        and not base.__module__.startswith(("asyncio", "abc", "typing", "collections"))
    )


def inherited(kind, base):
    """The private names of a class of ours that are the library's."""
    ours = [each for each in kind.__mro__ if each.__module__.split(".")[0] in PRODUCT]
    made = set().union(*(made_by(each) for each in ours))
    defined = {name for each in ours for name in vars(each) if private(name)}
    return {
        name
        for each in ours
        for name in own_names(each)
        if has(base, name) or name not in made | defined
    }


@pytest.mark.parametrize("kind", HEIRS, ids=lambda kind: kind.__name__)
def test_an_heir_uses_only_names_that_its_library_has(kind):
    base = HEIRS[kind]
    gone = {name for name in inherited(kind, base) if not has(base, name)}
    assert not gone, f"{base.__name__} has no {gone}"


def test_the_private_hooks_that_we_override_are_still_called():
    overridden = {
        "_process_keepalive": RequestHandler,
        "_prepare_hook": web.BaseRequest,
        "_make_server": web.AppRunner,
        "_cleanup_server": web.AppRunner,
        "_crash": faust.App,
    }
    for kind, base in HEIRS.items():
        for name, method in vars(kind).items():
            if private(name) and inspect.isfunction(method) and hasattr(base, name):
                assert issubclass(base, overridden.pop(name, base)), f"{kind.__name__}.{name}"
    assert not overridden, "these are not hooks of the library any more"


def test_every_private_name_that_is_reached_is_in_the_list_and_is_there():
    found = set()
    for path in (path for top in PRODUCT for path in (ROOT / top).rglob("*.py")):
        text = path.read_text()
        # What has none is not parsed: that takes a hundred times as long.
        for node in ast.walk(ast.parse(text)) if OTHERS_PRIVATE.search(text) else ():
            if isinstance(node, ast.Attribute) and private(node.attr) and not is_own(node.value):
                found.add(node.attr)
    assert found - {"_exit", "_replace"} == set(REACHED)
    assert not {name for name, kind in REACHED.items() if not has(kind, name)}


def test_every_heir_of_a_library_is_in_the_list():
    known = {f"class {kind.__name__}(" for kind in HEIRS}
    heads = ("web.", "RequestHandler", "faust.", "Consumer", "Transport", "AIOKafka")
    for path in (path for top in PRODUCT for path in (ROOT / top).rglob("*.py")):
        for line in path.read_text().splitlines():
            if line.startswith("class ") and line.partition("(")[2].startswith(heads):
                assert line.partition("(")[0] + "(" in known, f"{path.name}: {line}"
