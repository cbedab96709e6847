"""Drop and edit on a real broker: on record, and the original kept."""

from __future__ import annotations

import orjson
import pytest
import typer
from support.requeue_desk import bury_many, desk

from cli.commands.dlq_edit import _requeue
from schemas.codec import DecodeError
from schemas.operator import Resolution, mark_of
from stream.dlq.edit import requeue_edited
from stream.dlq.index import read_letter
from stream.dlq.resolutions import drop_letters
from stream.errors import JobError
from stream.jobs.operator_log import read_actions

__all__ = ["desk"]

pytestmark = pytest.mark.kafka


async def test_drop_needs_no_copy_and_is_on_record_with_its_reason(desk, writer):
    await bury_many(writer, 5)
    await desk.index.refresh()

    await drop_letters(desk.settings, desk.log, list(desk.index.letters()), why="tests")

    await desk.index.refresh()
    assert len(desk.index) == 0
    assert await desk.copies() == []
    (action,) = await read_actions(desk.reader, desk.topics)
    assert (action.action, action.who, action.why) == ("dlq-drop", "ann@desk", "tests")
    assert action.detail["count"] == 5
    marks = [mark_of(r.headers, r.value) for r in await desk.read(desk.topics.dead_letters)]
    assert {m.resolution for m in marks if m} == {Resolution.DROPPED}


async def test_an_edited_letter_is_requeued_and_the_original_kept(desk, writer):
    event = await writer.accept("1", {"status": "proccessing"})
    await writer.bury(event)
    await desk.index.refresh()
    (letter,) = desk.index.letters()
    envelope = await read_letter(desk.settings, desk.reader, letter)
    edited = envelope.value.replace(b"proccessing", b"processing")

    await requeue_edited(desk.settings, desk.log, letter, envelope, value=edited, why="typo")

    (copy,) = await desk.copies()
    assert orjson.loads(copy.value)["order"]["status"] == "processing"
    assert copy.origin == event.origin
    await desk.index.refresh()
    assert len(desk.index) == 0
    (action,) = await read_actions(desk.reader, desk.topics)
    assert action.detail["fields"] == ["order.status"]
    kept = [r.value for r in await desk.read(desk.topics.dead_letters)]
    assert envelope.value in kept


@pytest.mark.parametrize(
    ("value", "error"), [(b"{", DecodeError), (b'{"order":{"increment_id":"2"}}', JobError)]
)
async def test_an_edit_that_is_no_event_or_of_another_order_is_refused(desk, writer, value, error):
    await bury_many(writer, 1)
    await desk.index.refresh()
    (letter,) = desk.index.letters()
    envelope = await read_letter(desk.settings, desk.reader, letter)
    with pytest.raises(error):
        await requeue_edited(desk.settings, desk.log, letter, envelope, value=value, why="typo")
    assert await desk.copies() == []


async def test_a_letter_that_was_resolved_while_it_was_in_the_editor_is_not_requeued(
    desk, writer, capsys
):
    event = await writer.accept("1", {"status": "proccessing"})
    await writer.bury(event)
    await desk.index.refresh()
    (letter,) = desk.index.letters()
    envelope = await read_letter(desk.settings, desk.reader, letter)
    await drop_letters(desk.settings, desk.log, [letter], why="a test order")
    with pytest.raises(typer.Exit) as ended:
        await _requeue(desk.settings, letter, envelope, envelope.value, "typo")
    assert (ended.value.exit_code, await desk.copies()) == (1, [])
    assert "resolved by somebody else" in capsys.readouterr().err
