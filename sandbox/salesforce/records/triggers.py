"""Rules of the org that look at other records or at the record's earlier state.

A rule gets the stored record (None on create) and the record about to be stored, which it may
change; it raises RecordError to refuse the row. `RULES` lists them by object, in order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sandbox.salesforce.errors import RecordError
from sandbox.salesforce.records.person_accounts import keep_contact
from sandbox.salesforce.records.records import Store
from sandbox.salesforce.settings import Settings

Values = dict[str, Any]

PRICE_DECIMALS = 8  # of prices and their totals as they are stored; pages show two


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a rule may look at besides the record itself."""

    store: Store
    settings: Settings
    allow_duplicates: bool = False


Rule = Callable[[Surroundings, Values | None, Values], None]


def name_person(_org: Surroundings, _old: Values | None, new: Values) -> None:
    """Contacts and leads have a Name made of its parts."""
    new["Name"] = " ".join(filter(None, (new.get("FirstName"), new.get("LastName"))))


def refuse_duplicate_contact(org: Surroundings, old: Values | None, new: Values) -> None:
    """Apply the standard duplicate rule, reduced to: same e-mail and same last name."""
    rule, email = org.settings.contact_duplicate_rule, new.get("Email")
    if rule == "off" or old is not None or not email:
        return
    if rule == "alert" and org.allow_duplicates:
        return
    wanted = (email.casefold(), (new.get("LastName") or "").casefold())
    twin = next(
        (
            values
            for values in org.store.tables["Contact"].records.values()
            if ((values.get("Email") or "").casefold(), values["LastName"].casefold()) == wanted
        ),
        None,
    )
    if twin is not None:
        raise _duplicates_detected(twin["Id"], is_alert=rule == "alert")


def _duplicates_detected(twin_id: str, *, is_alert: bool) -> RecordError:
    record = {"attributes": {"type": "Contact"}, "Id": twin_id}
    match = {
        "additionalInformation": [],
        "fieldDiffs": [],
        "matchConfidence": 100.0,
        "record": record,
    }
    result = {
        "entityType": "Contact",
        "errors": [],
        "matchEngine": "FuzzyMatchEngine",
        "matchRecords": [match],
        "rule": "Standard_Contact_Match_Rule_v1_1",
        "size": 1,
        "success": True,
    }
    message = "Use one of these records?"
    details = {
        "duplicateResut": {  # spelled so by the platform
            "allowSave": is_alert,
            "duplicateRule": "Standard_Contact_Duplicate_Rule",
            "duplicateRuleEntityType": "Contact",
            "errorMessage": message,
            "matchResults": [result],
        }
    }
    return RecordError("DUPLICATES_DETECTED", message, [], details)


def keep_amount_of_products(_org: Surroundings, old: Values | None, new: Values) -> None:
    """With products the Amount is their sum: a written one is silently ignored."""
    if old is not None and old.get("HasOpportunityLineItem"):
        new["Amount"] = old["Amount"]


def keep_pricebook_of_products(_org: Surroundings, old: Values | None, new: Values) -> None:
    if old is None or not old.get("HasOpportunityLineItem"):
        return
    if new.get("Pricebook2Id") != old.get("Pricebook2Id"):
        raise RecordError(
            "FIELD_INTEGRITY_EXCEPTION",
            "field integrity exception: Pricebook2Id (cannot change the price book of an "
            "opportunity that has products)",
            ["Pricebook2Id"],
        )


def price_entry(org: Surroundings, old: Values | None, new: Values) -> None:
    """Refuse a price of a product that has no standard price yet."""
    table = org.store.tables["PricebookEntry"]
    product = org.store.tables["Product2"].records[new["Product2Id"]]
    new["Name"], new["ProductCode"] = product["Name"], product.get("ProductCode")
    if old is not None:
        return
    books = org.store.tables["Pricebook2"].records
    entries = [table.records[key] for key in table.ids_with("Product2Id", new["Product2Id"])]
    currency = new.get("CurrencyIsoCode")
    entries = [entry for entry in entries if entry.get("CurrencyIsoCode") == currency]
    if any(entry["Pricebook2Id"] == new["Pricebook2Id"] for entry in entries):
        raise RecordError(
            "DUPLICATE_VALUE", "This price definition already exists in this price book"
        )
    is_standard = books[new["Pricebook2Id"]].get("IsStandard")
    if not is_standard and not any(books[e["Pricebook2Id"]].get("IsStandard") for e in entries):
        raise RecordError(
            "STANDARD_PRICE_NOT_DEFINED",
            "Before creating a custom price, create a standard price.",
        )


def price_line(org: Surroundings, old: Values | None, new: Values) -> None:
    """Take the product from the entry, which must be of the opportunity's price book."""
    entry = org.store.tables["PricebookEntry"].records[new["PricebookEntryId"]]
    opportunity = org.store.tables["Opportunity"].records[new["OpportunityId"]]
    if opportunity.get("Pricebook2Id") != entry["Pricebook2Id"]:
        raise RecordError(
            "FIELD_INTEGRITY_EXCEPTION",
            "field integrity exception: PricebookEntryId (pricebook entry is in a different "
            "pricebook than the one assigned to the opportunity)",
            ["PricebookEntryId"],
        )
    if opportunity.get("CurrencyIsoCode") != entry.get("CurrencyIsoCode"):
        raise RecordError(
            "FIELD_INTEGRITY_EXCEPTION",
            "field integrity exception: PricebookEntryId (the currency of the pricebook entry does "
            "not match that of the opportunity)",
            ["PricebookEntryId"],
        )
    new["Product2Id"], new["ProductCode"] = entry["Product2Id"], entry.get("ProductCode")
    new["Name"] = f"{opportunity['Name']} {entry['Name']}"
    _settle_prices(old, new)


def _settle_prices(old: Values | None, new: Values) -> None:
    """Fill UnitPrice from TotalPrice or the other way round; one of them is needed."""
    quantity, unit, total = new["Quantity"], new.get("UnitPrice"), new.get("TotalPrice")
    if not quantity:
        raise RecordError("FIELD_INTEGRITY_EXCEPTION", "Quantity must be nonzero", ["Quantity"])
    before = old or {}
    is_total_new = total is not None and total != before.get("TotalPrice")
    if is_total_new and (unit is None or unit == before.get("UnitPrice")):
        new["UnitPrice"] = round(total / quantity, PRICE_DECIMALS)
    elif unit is not None:
        new["TotalPrice"] = round(unit * quantity, PRICE_DECIMALS)
    else:
        raise RecordError(
            "REQUIRED_FIELD_MISSING", "Required fields are missing: [UnitPrice]", ["UnitPrice"]
        )


def start_as_draft(_org: Surroundings, old: Values | None, new: Values) -> None:
    if old is None and new["Status"] != "Draft":
        raise RecordError(
            "FAILED_ACTIVATION", "Choose a valid order status and save your changes.", ["Status"]
        )


def total_order_item(_org: Surroundings, _old: Values | None, new: Values) -> None:
    new["TotalPrice"] = round(new["UnitPrice"] * new["Quantity"], PRICE_DECIMALS)


RULES: dict[str, tuple[Rule, ...]] = {
    "Contact": (name_person, refuse_duplicate_contact),
    "Lead": (name_person,),
    "Opportunity": (keep_amount_of_products, keep_pricebook_of_products),
    "PricebookEntry": (price_entry,),
    "OpportunityLineItem": (price_line,),
    "Order": (start_as_draft,),
    "OrderItem": (total_order_item,),
}


def after_line_change(store: Store, line: Values) -> None:
    """Roll the lines of an opportunity up into its Amount, as after any change of a line."""
    opportunities, lines = store.tables["Opportunity"], store.tables["OpportunityLineItem"]
    opportunity = opportunities.records.get(line["OpportunityId"])
    if opportunity is None:
        return
    prices = [
        lines.records[key]["TotalPrice"]
        for key in lines.ids_with("OpportunityId", line["OpportunityId"])
    ]
    rolled_up = {"HasOpportunityLineItem": bool(prices)}
    if prices:
        rolled_up["Amount"] = round(sum(prices), PRICE_DECIMALS)
    store.put(opportunities, opportunity["Id"], opportunity | rolled_up)


AFTER: dict[str, Callable[[Store, Values], None]] = {
    "OpportunityLineItem": after_line_change,
    "Account": keep_contact,
}
