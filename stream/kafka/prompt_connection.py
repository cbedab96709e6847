"""A broker that is gone without a word is given up in seconds, where others could answer.

A machine or a zone that fails sends no reset: connections stay open and carry nothing. aiokafka
waits for each answer as long as for the longest there is; a worker's is ninety seconds, for a join
lasts as long as a rebalance. So a heartbeat to a coordinator that is gone held a worker for three
sessions, and an open connection that carries nothing was asked for metadata again and again (it is
closed for other questions only). Nobody else connected meanwhile: a client connects to one broker
at a time.

Small questions, and connecting, have their own limit here. Not those that a broker holds back on
purpose, nor what waits behind them on their connection (commits behind a join).
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from aiokafka import conn
from aiokafka.conn import AIOKafkaConnection, CloseReason
from aiokafka.errors import KafkaConnectionError
from aiokafka.protocol.coordination import FindCoordinatorRequest
from aiokafka.protocol.group import HeartbeatRequest
from aiokafka.protocol.metadata import MetadataRequest

from stream.kafka.why_away import note_failure

ANSWER_SECONDS = 12.0
SMALL = (FindCoordinatorRequest, HeartbeatRequest, MetadataRequest)


def give_up_in_time() -> None:
    """Have all Kafka clients of this process connect and ask so. May be called again."""
    clients: Any = conn
    clients.AIOKafkaConnection = PromptConnection


class PromptConnection(AIOKafkaConnection):
    """aiokafka's, with a limit of its own for small questions."""

    _request_timeout: float

    async def connect(self) -> Any:
        """Connect, and tell who we are; each answer within the limit."""
        patience = self._request_timeout
        self._request_timeout = min(patience, ANSWER_SECONDS)
        connect: Any = super().connect
        try:
            return await connect()
        except Exception as error:
            note_failure(f"{self.host}:{self.port}", error)
            raise
        finally:
            self._request_timeout = patience

    def send(self, request: Any, expect_response: bool = True) -> Awaitable[Any]:
        """Send; the answer to a small question comes in time, or the connection is given up."""
        send: Any = super().send
        if not isinstance(request, SMALL):
            answer: Awaitable[Any] = send(request, expect_response)
            return answer
        patience = self._request_timeout
        self._request_timeout = min(patience, ANSWER_SECONDS)
        try:
            return self._in_time(send(request, expect_response))
        finally:
            self._request_timeout = patience

    async def _in_time(self, answer: Awaitable[Any]) -> Any:
        try:
            return await answer
        except TimeoutError:
            close: Any = self.close
            close(reason=CloseReason.CONNECTION_TIMEOUT)
            note_failure(f"{self.host}:{self.port}", TimeoutError())
            raise
        except KafkaConnectionError as error:
            note_failure(f"{self.host}:{self.port}", error)
            raise
