"""The objects and fields of the simulated org: a stock org plus the default mapping's own fields.

Data only. Lengths are those of a stock org (salesforce reference §5); the custom fields are read
from the deployable metadata package.
"""

from __future__ import annotations

from dataclasses import replace

from sandbox.salesforce.records.customfields import install, package_fields
from sandbox.salesforce.records.fieldkinds import (
    address,
    area,
    choice,
    email,
    flag,
    label_of,
    link,
    money,
    number,
    phone,
    plain,
    readonly,
    text,
)
from sandbox.salesforce.records.schema import Field, SObject

VERSION_FIELD = "Magento_Updated_At__c"

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


_SYSTEM = (
    readonly(plain("CreatedDate", "datetime")),
    readonly(plain("LastModifiedDate", "datetime")),
    readonly(plain("SystemModstamp", "datetime")),
    readonly(flag("IsDeleted")),
)


def _object(name: str, prefix: str, *fields: Field) -> SObject:
    record_id = readonly(plain("Id", "id", length=18, label=f"{name} ID", is_id_lookup=True))
    every = (record_id, *fields, *_SYSTEM)
    return SObject(name, label_of(name), prefix, {item.name: item for item in every})


def _master(name: str, children: str) -> Field:
    return link(f"{name}Id", name, is_required=True, is_updateable=False, children=children)


def _winner(name: str) -> Field:
    """Return what names the record that another one was merged into."""
    return readonly(link("MasterRecordId", name, relationship="MasterRecord"))


def _account() -> SObject:
    return _object(
        "Account",
        "001",
        text("Name", 255, is_required=True, label="Account Name"),
        choice("Type", ACCOUNT_TYPES),
        choice("Industry", INDUSTRIES),
        phone("Phone"),
        phone("Fax"),
        plain("Website", "url", length=255),
        *address("Billing"),
        *address("Shipping"),
        area("Description"),
        number("AnnualRevenue", 18, 0, kind="currency"),
        number("NumberOfEmployees", 8, 0, kind="int"),
        text("AccountNumber", 40),
        choice("AccountSource", LEAD_SOURCES),
        link("ParentId", "Account", children="ChildAccounts"),
        _winner("Account"),
    )


def _contact() -> SObject:
    return _object(
        "Contact",
        "003",
        text("FirstName", 40),
        text("LastName", 80, is_required=True),
        readonly(text("Name", 121, label="Full Name")),
        choice("Salutation", ("Mr.", "Ms.", "Mrs.", "Dr.", "Prof.", "Mx."), length=40),
        email("Email"),
        phone("Phone"),
        phone("MobilePhone"),
        text("Title", 128),
        link("AccountId", "Account", children="Contacts"),
        *address("Mailing"),
        *address("Other"),
        area("Description"),
        plain("Birthdate", "date"),
        choice("LeadSource", LEAD_SOURCES),
        flag("HasOptedOutOfEmail"),
        _winner("Contact"),
    )


def _lead() -> SObject:
    return _object(
        "Lead",
        "00Q",
        text("FirstName", 40),
        text("LastName", 80, is_required=True),
        readonly(text("Name", 121, label="Full Name")),
        text("Company", 255, is_required=True),
        choice("Status", LEAD_STATUSES, default="Open - Not Contacted", is_required=True),
        email("Email"),
        phone("Phone"),
        text("Title", 128),
        choice("LeadSource", LEAD_SOURCES),
        choice("Rating", ("Hot", "Warm", "Cold")),
        *(replace(item, label=item.name) for item in address("")),
        area("Description"),
        number("AnnualRevenue", 18, 0, kind="currency"),
        _winner("Lead"),
    )


def _opportunity() -> SObject:
    return _object(
        "Opportunity",
        "006",
        text("Name", 120, is_required=True, label="Name"),
        choice("StageName", STAGES, is_required=True, label="Stage"),
        plain("CloseDate", "date", is_required=True),
        money("Amount"),
        number("Probability", 3, 0, kind="percent"),
        area("Description"),
        choice("LeadSource", LEAD_SOURCES),
        choice("Type", ("Existing Customer - Upgrade", "New Customer")),
        text("NextStep", 255),
        link("AccountId", "Account", children="Opportunities"),
        link("Pricebook2Id", "Pricebook2", children="Opportunities"),
        link("ContactId", "Contact", is_updateable=False),
        readonly(flag("HasOpportunityLineItem")),
    )


def _catalogue() -> tuple[SObject, ...]:
    product = _object(
        "Product2",
        "01t",
        text("Name", 255, is_required=True, label="Product Name"),
        text("ProductCode", 255),
        area("Description", 4000),
        flag("IsActive"),
        choice("Family", ("None",)),
        text("StockKeepingUnit", 180, label="Product SKU"),
    )
    pricebook = _object(
        "Pricebook2",
        "01s",
        text("Name", 255, is_required=True, label="Price Book Name"),
        area("Description", 255),
        flag("IsActive"),
        readonly(flag("IsStandard")),
    )
    entries = "PricebookEntries"
    entry = _object(
        "PricebookEntry",
        "01u",
        *(
            link(f"{name}Id", name, is_required=True, is_updateable=False, children=entries)
            for name in ("Pricebook2", "Product2")
        ),
        money("UnitPrice", is_required=True, label="List Price"),
        flag("IsActive"),
        flag("UseStandardPrice"),
        readonly(text("Name", 255, label="Product Name")),
        readonly(text("ProductCode", 255)),
    )
    return product, pricebook, entry


def _lines() -> tuple[SObject, ...]:
    line = _object(
        "OpportunityLineItem",
        "00k",
        _master("Opportunity", "OpportunityLineItems"),
        link("PricebookEntryId", "PricebookEntry", is_required=True, is_updateable=False),
        number("Quantity", 12, 2, is_required=True),
        money("UnitPrice", label="Sales Price"),
        money("TotalPrice"),
        text("Description", 255, label="Line Description"),
        plain("ServiceDate", "date", label="Date"),
        readonly(link("Product2Id", "Product2")),
        readonly(text("ProductCode", 255)),
        readonly(text("Name", 376)),
    )
    role = _object(
        "OpportunityContactRole",
        "00K",
        _master("Opportunity", "OpportunityContactRoles"),
        link("ContactId", "Contact", is_required=True, children="OpportunityContactRoles"),
        choice("Role", ROLES),
        flag("IsPrimary"),
    )
    return line, role


def _orders() -> tuple[SObject, ...]:
    order = _object(
        "Order",
        "801",
        link("AccountId", "Account", is_required=True, children="Orders"),
        plain("EffectiveDate", "date", is_required=True, label="Order Start Date"),
        choice("Status", ORDER_STATUSES, is_required=True, is_restricted=True),
        text("Name", 80, label="Order Name"),
        text("OrderReferenceNumber", 80),
        text("PoNumber", 80),
        area("Description"),
        link("Pricebook2Id", "Pricebook2"),
        link("OpportunityId", "Opportunity"),
        link("BillToContactId", "Contact"),
        *address("Billing"),
        *address("Shipping"),
        readonly(money("TotalAmount", label="Order Amount")),
    )
    item = _object(
        "OrderItem",
        "802",
        _master("Order", "OrderItems"),
        link("PricebookEntryId", "PricebookEntry", is_required=True, is_updateable=False),
        number("Quantity", 12, 2, is_required=True),
        money("UnitPrice", is_required=True),
        text("Description", 255, label="Line Description"),
        readonly(money("TotalPrice")),
        readonly(link("Product2Id", "Product2")),
    )
    return order, item


def _users() -> tuple[SObject, ...]:
    user = _object("User", "005", text("Username", 80), choice("LanguageLocaleKey", ()))
    permission_set = _object(
        "PermissionSet", "0PS", text("Name", 80, is_id_lookup=True), text("Label", 80)
    )
    assignment = _object(
        "PermissionSetAssignment",
        "0Pa",
        link("AssigneeId", "User", is_required=True),
        link("PermissionSetId", "PermissionSet", is_required=True),
    )
    return user, permission_set, assignment


def stock_org(*, has_version_field: bool = True, has_package: bool = True) -> dict[str, SObject]:
    """Return a fresh schema.

    Without the version field it is an org that lacks the stale guard, without the package one that
    orderstream has never seen.
    """
    every = (
        _account(),
        _contact(),
        _lead(),
        _opportunity(),
        *_catalogue(),
        *_lines(),
        *_orders(),
        *_users(),
    )
    schema = {item.name: item for item in every}
    fields = package_fields() if has_package else ()
    install(schema, (f for f in fields if has_version_field or f.name != VERSION_FIELD))
    return schema
