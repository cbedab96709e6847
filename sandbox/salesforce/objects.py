"""The objects and fields of the simulated org: a stock org plus the default mapping's own fields.

Data only. Lengths are those of a stock org (salesforce reference §5); every custom field is what
the deployable metadata package creates. External ids are External Id *and* Unique: without Unique
two concurrent upserts leave twins.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sandbox.salesforce.schema import Field, SObject

VERSION_FIELD = "Magento_Updated_At__c"
VERSIONED = ("Account", "Contact", "Lead", "Opportunity")

STAGES = (
    "Prospecting",
    "Qualification",
    "Needs Analysis",
    "Value Proposition",
    "Id. Decision Makers",
    "Perception Analysis",
    "Proposal/Price Quote",
    "Negotiation/Review",
    "Closed Won",
    "Closed Lost",
)
LEAD_SOURCES = ("Web", "Phone Inquiry", "Partner Referral", "Purchased List", "Other")
LEAD_STATUSES = (
    "Open - Not Contacted",
    "Working - Contacted",
    "Closed - Converted",
    "Closed - Not Converted",
)
ACCOUNT_TYPES = ("Prospect", "Customer - Direct", "Customer - Channel", "Other")
ORDER_STATUSES = ("Draft", "Activated")
ROLES = ("Business User", "Decision Maker", "Economic Buyer", "Evaluator", "Other")
INDUSTRIES = ("Agriculture", "Consulting", "Finance", "Manufacturing", "Retail", "Other")


def _label(name: str) -> str:
    """Return a label as an administrator would type it: `Billing_City__c` → `Billing City`."""
    bare = name.removesuffix("__c").replace("_", " ")
    spaced = "".join(
        f" {char}" if char.isupper() and index and bare[index - 1].islower() else char
        for index, char in enumerate(bare)
    )
    return spaced.removesuffix(" Id") + (" ID" if spaced.endswith(" Id") else "")


def _field(name: str, kind: str, **more: Any) -> Field:
    return Field(name=name, type=kind, label=more.pop("label", "") or _label(name), **more)


def _text(name: str, length: int, **more: Any) -> Field:
    return _field(name, "string", length=length, **more)


def _area(name: str, length: int = 32000, **more: Any) -> Field:
    return _field(name, "textarea", length=length, **more)


def _email(name: str, **more: Any) -> Field:
    return _field(name, "email", length=80, **more)


def _phone(name: str) -> Field:
    return _field(name, "phone", length=40)


def _choice(name: str, values: tuple[str, ...], **more: Any) -> Field:
    return _field(name, "picklist", length=more.pop("length", 255), picklist=values, **more)


def _number(name: str, precision: int, scale: int, kind: str = "double", **more: Any) -> Field:
    return _field(name, kind, precision=precision, scale=scale, **more)


def _money(name: str, **more: Any) -> Field:
    return _number(name, 18, 2, kind="currency", **more)


def _flag(name: str, *, default: bool = False, **more: Any) -> Field:
    return _field(name, "boolean", default=default, **more)


def _link(name: str, refers_to: str, **more: Any) -> Field:
    relationship = more.pop("relationship", name.removesuffix("Id"))
    return _field(
        name, "reference", length=18, refers_to=refers_to, relationship=relationship, **more
    )


def _key(name: str, length: int = 255) -> Field:
    return _text(name, length, is_external_id=True, is_unique=True, is_id_lookup=True)


def _readonly(item: Field) -> Field:
    return replace(item, is_createable=False, is_updateable=False)


def _address(prefix: str, state: int = 80, country: int = 80) -> tuple[Field, ...]:
    return (
        _area(f"{prefix}Street", 255),
        _text(f"{prefix}City", 40),
        _text(f"{prefix}State", state),
        _text(f"{prefix}PostalCode", 20),
        _text(f"{prefix}Country", country),
    )


def _version() -> Field:
    return _field(VERSION_FIELD, "datetime")


_SYSTEM = (
    _readonly(_field("CreatedDate", "datetime")),
    _readonly(_field("LastModifiedDate", "datetime")),
    _readonly(_field("SystemModstamp", "datetime")),
    _readonly(_flag("IsDeleted")),
)


def _object(name: str, prefix: str, *fields: Field) -> SObject:
    record_id = _readonly(_field("Id", "id", length=18, label=f"{name} ID", is_id_lookup=True))
    every = (record_id, *fields, *_SYSTEM)
    return SObject(name, _label(name), prefix, {item.name: item for item in every})


def _account() -> SObject:
    return _object(
        "Account",
        "001",
        _text("Name", 255, is_required=True, label="Account Name"),
        _choice("Type", ACCOUNT_TYPES),
        _choice("Industry", INDUSTRIES),
        _phone("Phone"),
        _phone("Fax"),
        _field("Website", "url", length=255),
        *_address("Billing"),
        *_address("Shipping"),
        _area("Description"),
        _number("AnnualRevenue", 18, 0, kind="currency"),
        _number("NumberOfEmployees", 8, 0, kind="int"),
        _text("AccountNumber", 40),
        _choice("AccountSource", LEAD_SOURCES),
        _link("ParentId", "Account"),
        _key("Magento_Customer_Key__c"),
        _version(),
    )


def _contact() -> SObject:
    return _object(
        "Contact",
        "003",
        _text("FirstName", 40),
        _text("LastName", 80, is_required=True),
        _readonly(_text("Name", 121, label="Full Name")),
        _choice("Salutation", ("Mr.", "Ms.", "Mrs.", "Dr.", "Prof.", "Mx."), length=40),
        _email("Email"),
        _phone("Phone"),
        _phone("MobilePhone"),
        _text("Title", 128),
        _link("AccountId", "Account"),
        *_address("Mailing"),
        *_address("Other"),
        _area("Description"),
        _field("Birthdate", "date"),
        _choice("LeadSource", LEAD_SOURCES),
        _flag("HasOptedOutOfEmail"),
        _key("Magento_Customer_Key__c"),
        _version(),
    )


def _lead() -> SObject:
    return _object(
        "Lead",
        "00Q",
        _text("FirstName", 40),
        _text("LastName", 80, is_required=True),
        _readonly(_text("Name", 121, label="Full Name")),
        _text("Company", 255, is_required=True),
        _choice("Status", LEAD_STATUSES, default="Open - Not Contacted", is_required=True),
        _email("Email"),
        _phone("Phone"),
        _text("Title", 128),
        _choice("LeadSource", LEAD_SOURCES),
        _choice("Rating", ("Hot", "Warm", "Cold")),
        *(replace(item, label=item.name) for item in _address("")),
        _area("Description"),
        _number("AnnualRevenue", 18, 0, kind="currency"),
        _key("Magento_Order_ID__c"),
        _key("Magento_Customer_Key__c"),
        _version(),
    )


def _opportunity() -> SObject:
    return _object(
        "Opportunity",
        "006",
        _text("Name", 120, is_required=True, label="Name"),
        _choice("StageName", STAGES, is_required=True, label="Stage"),
        _field("CloseDate", "date", is_required=True),
        _money("Amount"),
        _number("Probability", 3, 0, kind="percent"),
        _area("Description"),
        _choice("LeadSource", LEAD_SOURCES),
        _choice("Type", ("Existing Customer - Upgrade", "New Customer")),
        _text("NextStep", 255),
        _link("AccountId", "Account"),
        _link("Pricebook2Id", "Pricebook2"),
        _link("ContactId", "Contact", is_updateable=False),
        _readonly(_flag("HasOpportunityLineItem")),
        _key("Magento_Order_ID__c", 64),
        _email("Magento_Customer_Email__c"),
        _text("Billing_Street__c", 255),
        _text("Billing_City__c", 255),
        _text("Billing_State__c", 255),
        _text("Billing_PostalCode__c", 255),
        _text("Billing_Country__c", 255),
        _version(),
    )


def _catalogue() -> tuple[SObject, ...]:
    product = _object(
        "Product2",
        "01t",
        _text("Name", 255, is_required=True, label="Product Name"),
        _text("ProductCode", 255),
        _area("Description", 4000),
        _flag("IsActive"),
        _choice("Family", ("None",)),
        _text("StockKeepingUnit", 180, label="Product SKU"),
        _key("Magento_SKU__c"),
    )
    pricebook = _object(
        "Pricebook2",
        "01s",
        _text("Name", 255, is_required=True, label="Price Book Name"),
        _area("Description", 255),
        _flag("IsActive"),
        _readonly(_flag("IsStandard")),
    )
    entry = _object(
        "PricebookEntry",
        "01u",
        _link("Pricebook2Id", "Pricebook2", is_required=True, is_updateable=False),
        _link("Product2Id", "Product2", is_required=True, is_updateable=False),
        _money("UnitPrice", is_required=True, label="List Price"),
        _flag("IsActive"),
        _flag("UseStandardPrice"),
        _readonly(_text("Name", 255, label="Product Name")),
        _readonly(_text("ProductCode", 255)),
        _key("Magento_SKU__c"),
    )
    return product, pricebook, entry


def _lines() -> tuple[SObject, ...]:
    line = _object(
        "OpportunityLineItem",
        "00k",
        _link("OpportunityId", "Opportunity", is_required=True, is_updateable=False),
        _link("PricebookEntryId", "PricebookEntry", is_required=True, is_updateable=False),
        _number("Quantity", 12, 2, is_required=True),
        _money("UnitPrice", label="Sales Price"),
        _money("TotalPrice"),
        _text("Description", 255, label="Line Description"),
        _field("ServiceDate", "date", label="Date"),
        _readonly(_link("Product2Id", "Product2")),
        _readonly(_text("ProductCode", 255)),
        _readonly(_text("Name", 376)),
        _key("Magento_Item_ID__c"),
    )
    role = _object(
        "OpportunityContactRole",
        "00K",
        _link("OpportunityId", "Opportunity", is_required=True, is_updateable=False),
        _link("ContactId", "Contact", is_required=True),
        _choice("Role", ROLES),
        _flag("IsPrimary"),
        _key("Magento_Order_ID__c"),
    )
    return line, role


def _orders() -> tuple[SObject, ...]:
    order = _object(
        "Order",
        "801",
        _link("AccountId", "Account", is_required=True),
        _field("EffectiveDate", "date", is_required=True, label="Order Start Date"),
        _choice("Status", ORDER_STATUSES, is_required=True, is_restricted=True),
        _text("Name", 80, label="Order Name"),
        _text("OrderReferenceNumber", 80),
        _text("PoNumber", 80),
        _area("Description"),
        _link("Pricebook2Id", "Pricebook2"),
        _link("OpportunityId", "Opportunity"),
        _link("BillToContactId", "Contact"),
        *_address("Billing"),
        *_address("Shipping"),
        _readonly(_money("TotalAmount", label="Order Amount")),
        _key("Magento_Order_ID__c"),
        _version(),
    )
    item = _object(
        "OrderItem",
        "802",
        _link("OrderId", "Order", is_required=True, is_updateable=False),
        _link("PricebookEntryId", "PricebookEntry", is_required=True, is_updateable=False),
        _number("Quantity", 12, 2, is_required=True),
        _money("UnitPrice", is_required=True),
        _text("Description", 255, label="Line Description"),
        _readonly(_money("TotalPrice")),
        _readonly(_link("Product2Id", "Product2")),
        _key("Magento_Item_ID__c"),
    )
    return order, item


def stock_org(*, has_version_field: bool = True) -> dict[str, SObject]:
    """Return a fresh schema; without the version field it is an org that lacks the stale guard."""
    every = (
        _account(),
        _contact(),
        _lead(),
        _opportunity(),
        *_catalogue(),
        *_lines(),
        *_orders(),
    )
    schema = {item.name: item for item in every}
    if not has_version_field:
        for sobject in schema.values():
            sobject.fields.pop(VERSION_FIELD, None)
    return schema
