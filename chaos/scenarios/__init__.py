"""All scenarios, family by family: one file each."""

from __future__ import annotations

from chaos.scenarios import worker_deaths

SCENARIOS = (*worker_deaths.SCENARIOS,)
