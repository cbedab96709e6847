"""A search that the org refuses is logged without the values that it looked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import structlog
from support.fake_org import make_gate

from agents.delivery.adopter import Adopter
from agents.delivery.blame import Judge
from agents.delivery.existence_cache import ExistenceCache
from agents.delivery.fault_scope import FaultWatch
from agents.delivery.org_search import Answers, Queries
from agents.delivery.renamer import Renamer
from agents.salesforce.errors.error_kind import ErrorKind
from agents.salesforce.errors.errors import SalesforceError
from schemas.priority import Priority
from schemas.salesforce import Row

ROW = Row(
    "Contact",
    "Magento_Customer_Key__c",
    "a@b.example",
    {"Phone": "+49 151 2345678", "LastName": "Musterfrau"},
    adopt_by="Phone",
    customer_id="7",
)
# As Salesforce says it: a part of the query, the place, and what is wrong there.
REFUSAL = SalesforceError(
    "\nId FROM Contact WHERE Phone IN ('+49 151 2345678','+49 171 98\n"
    "                      ^\nERROR at Row:1:Column:72\nNo such column 'Phone' on entity 'Contact'",
    kind=ErrorKind.CONFIG,
    code="INVALID_FIELD",
    status=400,
)
MALFORMED = SalesforceError(
    "unexpected token: 'Musterfrau'", kind=ErrorKind.PERMANENT, code="MALFORMED_QUERY"
)


class NobodyToRename:
    """An org that is not asked again."""

    async def give_keys(self, *_: Any) -> Sequence[Any]:
        return []


@pytest.mark.parametrize("search", [Adopter.adopt, Renamer.rename])
@pytest.mark.parametrize(
    ("error", "said"), [(REFUSAL, "No such column 'Phone'"), (MALFORMED, "unexpected token")]
)
async def test_the_line_has_what_is_wrong_and_nobody_who_was_looked_for(search, error, said):
    org, known = NobodyToRename(), ExistenceCache()
    judge = Judge(FaultWatch(), make_gate())
    is_adopter = search is Adopter.adopt
    searcher = Adopter(org, known, judge) if is_adopter else Renamer(None, org, known, judge)
    queries: Queries = {"SELECT": [ROW]}
    answers: Answers = {"SELECT": error}
    with structlog.testing.capture_logs() as lines:
        await search(searcher, queries, answers, Priority.LIVE)
    (line,) = lines
    assert said in line["detail"]
    assert not any(part in line["detail"] for part in ("151", "171", "Musterfrau"))
