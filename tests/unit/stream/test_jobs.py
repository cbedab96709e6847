"""Jobs without a broker: their sets of places, and a spec that survives the operator log."""

from __future__ import annotations

import orjson
from hypothesis import given
from hypothesis import strategies as st

from stream.dlq.edit import changed_fields
from stream.jobs.spec import JobKind, JobSpec, OffsetSet, new_job_id
from stream.kafka.log.range_reader import OffsetRange

SPANS = (OffsetRange("t", 0, 10, 20), OffsetRange("t", 1, 0, 5), OffsetRange("u", 0, 7, 7))


@given(st.lists(st.tuples(st.sampled_from("tu"), st.integers(0, 2), st.integers(-3, 25))))
def test_an_offset_set_is_a_set_of_the_places_inside_its_spans(places):
    offsets, expected = OffsetSet(SPANS), set()
    for place in places:
        offsets.add(place)
        if any((s.topic, s.partition) == place[:2] and s.start <= place[2] < s.end for s in SPANS):
            expected.add(place)
    assert len(offsets) == len(expected)
    assert all((place in offsets) == (place in expected) for place in places)
    assert set(offsets.spread(100)) == expected


def test_a_spread_takes_from_every_partition_in_turn():
    offsets = OffsetSet(SPANS)
    for place in [("t", 0, 12), ("t", 0, 15), ("t", 0, 19), ("t", 1, 2)]:
        offsets.add(place)
    assert offsets.spread(3) == [("t", 0, 12), ("t", 1, 2), ("t", 0, 15)]


def test_a_spec_survives_the_operator_log():
    spec = JobSpec(
        job_id=new_job_id(JobKind.REPLAY),
        kind=JobKind.REPLAY,
        spans=SPANS,
        due=(OffsetRange("due", 0, 3, 3),),
        selection={"topic": "t", "filter": {"limit": None}},
        rate=50.0,
        total=7,
        why="new mapping",
    )
    assert JobSpec.from_detail(orjson.loads(orjson.dumps(spec.as_detail()))) == spec


def test_an_edit_names_the_fields_it_changed_and_not_their_values():
    before = b'{"order":{"status":"a","items":[1],"street":"x"}}'
    after = b'{"order":{"status":"b","items":[2],"street":"x","city":"y"}}'
    assert changed_fields(before, after) == ["order.city", "order.items", "order.status"]
    assert changed_fields(before, b"{ " + before[1:]) == []
    assert changed_fields(b"no json", after) == [""]
