"""Whose record is adopted: an address is one in every spelling that the org may have it in."""

from __future__ import annotations

import unicodedata

import pytest

from agents.delivery.adoption import adoption_of, queries_for
from schemas.salesforce import Row

KEY = "Magento_Customer_Key__c"


def contact(email: str) -> Row:
    return Row("Contact", KEY, email, {"Email": email}, adopt_by="Email")


def held(email: str) -> dict[str, str]:
    return {"Id": "003000000000001AAA", "CreatedDate": "2026-01-01", "Email": email}


@pytest.mark.parametrize(
    ("address", "there"),
    [
        ("zoë@example.com", unicodedata.normalize("NFD", "Zoë@example.com")),
        ("zoë@müller.de", "zoë@xn--mller-kva.de"),
        ("jane@example.com", "jane@example.com\u200b"),
    ],
)
def test_a_record_with_the_address_in_another_spelling_is_adopted(address, there) -> None:
    assert adoption_of(contact(address), [held(there)]).updates


def test_whose_letters_only_fold_to_the_address_is_left() -> None:
    assert not adoption_of(contact("strauß@e.de"), [held("strauss@e.de")]).updates


def test_each_form_of_an_address_is_asked_for() -> None:
    ((soql, _),) = queries_for([contact("zoë@e.de")])
    assert "'zoë@e.de'" in soql
    assert f"'{unicodedata.normalize('NFD', 'zoë@e.de')}'" in soql
    ((soql, _),) = queries_for([contact("ann@e.de")])
    assert soql.count("'ann@e.de'") == 2, "the address and the key"
