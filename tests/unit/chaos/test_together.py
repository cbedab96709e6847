"""Scenarios that share a pipe: only those that want the same one, and all of them are judged."""

import dataclasses
from collections import Counter
from datetime import UTC, datetime
from types import SimpleNamespace

from chaos.card import Card
from chaos.report import markdown
from chaos.scenario import Scenario
from chaos.scenarios import SCENARIOS
from chaos.together import apart, groups, together
from chaos.verdict import Figures

FIGURES = Figures(100, 50, 0, 0, 0, 0, 0, 0, 0, 1.0, 0.1)


def done(word):
    async def act(stage):
        stage.seen[word] += 1

    return act


def scenario(name, **more):
    return Scenario(name, f"the story of {name}", done(name), {name: 1}, **more)


def stage():
    return SimpleNamespace(seen=Counter(), recovery=None)


async def test_all_are_done_in_their_order_and_all_must_have_happened():
    joint = together([scenario("a"), scenario("b", least_accepted=900)])
    seen = stage()
    await joint.act(seen)
    assert list(seen.seen) == ["a", "b"]
    assert joint.evidence == {"a": 1, "b": 1}
    assert joint.least_accepted == 900


async def test_the_worst_recovery_counts_and_one_that_never_came_is_never():
    async def took(seconds):
        return seconds

    def recovering(name, seconds):
        async def act(stage):
            stage.recovery = took(seconds)

        return dataclasses.replace(scenario(name), act=act)

    for times, worst in (((3.0, 8.0, 1.0), 8.0), ((3.0, None, 1.0), None)):
        seen = stage()
        members = [recovering(str(n), seconds) for n, seconds in enumerate(times)]
        await together(members).act(seen)
        assert await seen.recovery == worst


def test_only_those_that_want_the_same_pipe_share_one():
    quiet, other = scenario("quiet"), scenario("other")
    guarded, on_three = scenario("guarded", has_stale_rule=True), scenario("three", brokers=3)
    alone = scenario("alone", is_alone=True)
    made = groups([quiet, guarded, on_three, alone, other])
    assert made == [[quiet, other], [guarded], [on_three], [alone]]


def test_every_scenario_is_in_one_group():
    names = [member.name for group in groups(SCENARIOS) for member in group]
    assert sorted(names) == sorted(item.name for item in SCENARIOS)


def test_figures_of_one_pipe_count_once_and_the_card_says_so():
    members = [scenario("a"), scenario("b")]
    card = Card("a+b", "both", datetime.now(UTC), 9.0, FIGURES)
    text = markdown(apart(card, members))
    assert "In all: 100 webhooks accepted" in text
    assert text.count("One pipe and one judgement with 1 other(s).") == 2
    assert "**b**: the story of b." in text
