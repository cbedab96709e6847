"""Documents of the topics are made of the code that writes the records."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from schemas.state import State
from schemas.topic_records import RECORDS, StoredState
from stream.topic_reference import TRAFFIC, asyncapi, files, role_of
from stream.topics import Topics

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("path", files())
def test_a_generated_file_is_up_to_date(path):
    assert (ROOT / path).read_text(encoding="utf-8") == files()[path], f"{path} is old: make docs"


def test_every_topic_has_a_role_writers_and_readers():
    topics = Topics("staging.")
    assert {role_of(spec, topics) for spec in topics.specs()} == set(RECORDS) == set(TRAFFIC)


def test_the_state_is_described_field_by_field():
    state = State("2026-01-01 00:00:00", "d", "magento.orders", 1, 2)
    assert set(orjson.loads(state.to_bytes())) <= set(StoredState.model_fields)


def test_the_asyncapi_document_has_every_topic():
    assert list(asyncapi()["channels"]) == [spec.name for spec in Topics().specs()]
