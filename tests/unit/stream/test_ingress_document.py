"""docs/ingress.md says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

from stream.ingress.responses import RULES

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "ingress.md"


def test_the_table_of_answers_is_the_table_of_the_code() -> None:
    rows = re.findall(r"^\| (\d{3}) \| `(\w+)` \|", DOCUMENT.read_text("utf-8"), re.MULTILINE)
    written = {reason: int(status) for status, reason in rows}
    assert len(rows) == len(written)
    assert written == {reason.value: rule.status for reason, rule in RULES.items()}
