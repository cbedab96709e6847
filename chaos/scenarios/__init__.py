"""All scenarios, family by family: one file each."""

from __future__ import annotations

from chaos.scenarios import (
    broker_outages,
    disorder,
    hostile_senders,
    ingress_deaths,
    salesforce_answers,
    sick_workers,
    worker_deaths,
)

SCENARIOS = (
    *worker_deaths.SCENARIOS,
    *sick_workers.SCENARIOS,
    *ingress_deaths.SCENARIOS,
    *broker_outages.SCENARIOS,
    *salesforce_answers.SCENARIOS,
    *disorder.SCENARIOS,
    *hostile_senders.SCENARIOS,
)
