"""The mapping for Person Accounts: one record per person, all else as in the default."""

from __future__ import annotations

from typing import Any

import yaml

from agents.mapping.mapping import PERSON_FILE, Mapping, default_text

PEOPLE = ("Account", "Contact")


def read(text: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.load(text, Loader=yaml.CSafeLoader)
    return found


def test_it_differs_from_the_default_in_the_rows_of_people_alone():
    default, people = read(default_text()), read(default_text(PERSON_FILE))
    for kind in ("order", "customer"):
        for part in (default[kind], people[kind]):
            part["rows"] = [row for row in part["rows"] if row["sobject"] not in PEOPLE]
    del default["customer"]["values"]["full_name"]  # names of companies and people together
    assert people == default


def test_a_person_is_one_account_and_adopted_by_its_e_mail():
    mapping = Mapping.parse(default_text(PERSON_FILE), file=PERSON_FILE)
    assert mapping.sobjects == ("Account", "Opportunity")
    accounts = [row for row in mapping.rulebook.active_rows() if row.sobject == "Account"]
    assert {row.adopt_by for row in accounts} == {"PersonEmail"}
    names = {rule.name for row in accounts for rule in row.fields}
    assert names >= {"FirstName", "LastName", "PersonEmail"}
    assert "Name" not in names
