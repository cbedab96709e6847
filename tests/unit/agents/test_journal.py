"""A record that kills every worker that takes it ends in the DLQ, not in a crash loop."""

import orjson

from agents.handling.poison_pills import MAX_CRASHES, PoisonPillJournal

POISON = "0199-poison"
INNOCENT = "0199-innocent"


def test_after_a_crash_with_a_batch_in_hand_its_events_are_taken_alone(tmp_path):
    PoisonPillJournal(tmp_path / "journal").begin([POISON, INNOCENT])
    after = PoisonPillJournal(tmp_path / "journal")
    assert after.is_suspect(POISON)
    assert after.is_suspect(INNOCENT)
    assert not after.is_condemned(POISON)


def test_an_event_in_hand_alone_at_too_many_deaths_is_condemned(tmp_path):
    for _ in range(MAX_CRASHES):
        PoisonPillJournal(tmp_path / "journal").begin([POISON])
    assert PoisonPillJournal(tmp_path / "journal").is_condemned(POISON)


def test_an_event_that_was_done_is_cleared_of_suspicion(tmp_path):
    PoisonPillJournal(tmp_path / "journal").begin([POISON, INNOCENT])
    journal = PoisonPillJournal(tmp_path / "journal")
    journal.begin([INNOCENT])
    journal.end([INNOCENT])
    after = PoisonPillJournal(tmp_path / "journal")
    assert not after.is_suspect(INNOCENT)


def test_a_clean_stop_leaves_no_suspects(tmp_path):
    journal = PoisonPillJournal(tmp_path / "journal")
    journal.begin([POISON])
    journal.end([POISON])
    assert not PoisonPillJournal(tmp_path / "journal").is_suspect(POISON)


def test_a_broken_journal_costs_nothing_but_the_count(tmp_path):
    (tmp_path / "journal").write_bytes(b"\x00 not json")
    assert not PoisonPillJournal(tmp_path / "journal").is_suspect(POISON)


def test_a_shorter_list_over_a_longer_one_can_be_read(tmp_path):
    path = tmp_path / "journal"
    journal = PoisonPillJournal(path)
    journal.begin([POISON, INNOCENT])
    journal.end([POISON])
    assert orjson.loads(path.read_bytes())["in_hand"] == [INNOCENT]
    assert PoisonPillJournal(path).is_suspect(INNOCENT)
