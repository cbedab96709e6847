"""Every code that a worker gives a dead letter itself has a meaning and a fix."""

from __future__ import annotations

import re
from pathlib import Path

from agents.salesforce.errors.errors import classify
from agents.salesforce.errors.fixes import EventState, fix_for
from agents.salesforce.errors.own_errors import OWN_RULES

AGENTS = Path(__file__).parents[3] / "agents"
GIVEN = re.compile(r'\.dead\(\s*[\w.]+,\s*"([A-Z_]+)"')


def test_every_code_of_our_own_is_explained():
    given = {code for path in AGENTS.rglob("*.py") for code in GIVEN.findall(path.read_text())}
    assert given
    assert given <= {code for rule in OWN_RULES for code in rule.codes}


def test_the_fix_of_a_mapping_error_says_what_to_edit_and_what_to_run():
    verdict = classify(200, "MAPPING_ERROR", "Opportunity.CloseDate is empty and required")
    fix = fix_for(EventState.DEAD, verdict.fix)
    assert "mapping.yaml" in fix
    assert "orderstream dlq requeue" in fix
