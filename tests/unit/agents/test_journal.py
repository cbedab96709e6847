"""A record that kills every worker that takes it ends in the DLQ, not in a crash loop."""

import orjson

from agents.handling.poison_pills import MAX_CRASHES, PoisonPillJournal
from schemas.parts import parts_of

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


def test_who_went_to_another_worker_is_no_suspect_for_ever(tmp_path):
    PoisonPillJournal(tmp_path / "journal").begin([POISON, INNOCENT])
    PoisonPillJournal(tmp_path / "journal").begin([POISON])
    after = PoisonPillJournal(tmp_path / "journal")
    assert after.is_suspect(POISON)
    assert not after.is_suspect(INNOCENT)


def test_two_poison_pills_of_one_batch_are_both_condemned_in_the_end(tmp_path):
    pills, deaths = {"p1", "p2"}, 0
    while pills:
        journal = PoisonPillJournal(tmp_path / "journal")
        pills = {pill for pill in pills if not journal.is_condemned(pill)}
        if alone := sorted(filter(journal.is_suspect, pills), reverse=deaths % 2 == 0):
            journal.begin(alone[:1])
        else:
            journal.begin([*pills, INNOCENT])
        deaths += 1
        assert deaths < 20


def test_a_pill_among_many_is_condemned_after_few_deaths(tmp_path):
    """A thousand events one at a time were minutes after each kill -9, in which others waited."""
    events, suspects, deaths = [f"e{n}" for n in range(1_000)], [], 0
    pill = events[777]
    PoisonPillJournal(tmp_path / "journal").begin(events)
    while not (journal := PoisonPillJournal(tmp_path / "journal")).is_condemned(pill):
        deaths += 1
        suspects.append([name for name in events if journal.is_suspect(name)])
        for part in parts_of(suspects[-1], journal.most_together(pill)):
            journal.begin(part)
            if pill in part:
                break
            journal.end(part)
    assert [len(some) for some in suspects] == [1_000, 125, 16, 2, 1, 1]
    assert deaths == len(suspects)


def test_who_died_alone_is_taken_alone_again(tmp_path):
    PoisonPillJournal(tmp_path / "journal").begin([POISON])
    journal = PoisonPillJournal(tmp_path / "journal")
    journal.begin([f"e{n}" for n in range(64)])
    after = PoisonPillJournal(tmp_path / "journal")
    assert (after.most_together(POISON), after.most_together("e1")) == (1, 8)
