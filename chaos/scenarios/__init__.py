"""All scenarios, family by family: one file each."""

from __future__ import annotations

from chaos.scenarios import (
    broker_outages,
    changed_orgs,
    changed_topics,
    disorder,
    documents,
    hostile_senders,
    ingress_deaths,
    salesforce_answers,
    sick_workers,
    three_brokers,
    worker_deaths,
)

SCENARIOS = (
    *worker_deaths.SCENARIOS,
    *sick_workers.SCENARIOS,
    *ingress_deaths.SCENARIOS,
    *broker_outages.SCENARIOS,
    *three_brokers.SCENARIOS,
    *changed_topics.SCENARIOS,
    *salesforce_answers.SCENARIOS,
    *changed_orgs.SCENARIOS,
    *disorder.SCENARIOS,
    *documents.SCENARIOS,
    *hostile_senders.SCENARIOS,
)
