"""Types and lengths of Salesforce's standard fields, as a stock org has them.

Source: salesforce reference §5 (object reference of the REST API). An org's own `describe` wins
over this table where it is known (`Mapping.refined`). A trailing `!` marks what Salesforce requires
on create and fills with nothing.
"""

from __future__ import annotations

_ADDRESS = {
    "Street": "textarea(255)",
    "City": "text(40)",
    "State": "text(80)",
    "PostalCode": "text(20)",
    "Country": "text(80)",
    "StateCode": "picklist(10)",
    "CountryCode": "picklist(10)",
}


def _address(*prefixes: str) -> dict[str, str]:
    return {prefix + name: kind for prefix in prefixes for name, kind in _ADDRESS.items()}


STANDARD_FIELDS: dict[str, dict[str, str]] = {
    "Account": {
        "Name": "text(255)!",
        "FirstName": "text(40)",
        "LastName": "text(80)",
        "PersonEmail": "email(80)",
        "Phone": "phone(40)",
        "Fax": "phone(40)",
        "Website": "url(255)",
        "Type": "picklist(255)",
        "Industry": "picklist(255)",
        "AccountSource": "picklist(255)",
        "AccountNumber": "text(40)",
        "Description": "textarea(32000)",
        "AnnualRevenue": "number(18,0)",
        "NumberOfEmployees": "number(8,0)",
        "CurrencyIsoCode": "picklist(3)",
        "RecordTypeId": "id",
        "OwnerId": "id",
        **_address("Billing", "Shipping", "PersonMailing"),
    },
    "Contact": {
        "FirstName": "text(40)",
        "LastName": "text(80)!",
        "Salutation": "picklist(40)",
        "Title": "text(128)",
        "Department": "text(80)",
        "Email": "email(80)",
        "Phone": "phone(40)",
        "MobilePhone": "phone(40)",
        "Fax": "phone(40)",
        "Birthdate": "date",
        "Description": "textarea(32000)",
        "LeadSource": "picklist(255)",
        "HasOptedOutOfEmail": "checkbox",
        "CurrencyIsoCode": "picklist(3)",
        "RecordTypeId": "id",
        "OwnerId": "id",
        "AccountId": "id",
        **_address("Mailing", "Other"),
    },
    "Lead": {
        "FirstName": "text(40)",
        "LastName": "text(80)!",
        "Company": "text(255)!",
        "Salutation": "picklist(40)",
        "Title": "text(128)",
        "Email": "email(80)",
        "Phone": "phone(40)",
        "MobilePhone": "phone(40)",
        "Website": "url(255)",
        "Status": "picklist(255)",
        "Rating": "picklist(255)",
        "Industry": "picklist(255)",
        "LeadSource": "picklist(255)",
        "Description": "textarea(32000)",
        "AnnualRevenue": "number(18,0)",
        "NumberOfEmployees": "number(8,0)",
        "HasOptedOutOfEmail": "checkbox",
        "CurrencyIsoCode": "picklist(3)",
        "RecordTypeId": "id",
        "OwnerId": "id",
        **_address(""),
    },
    "Opportunity": {
        "Name": "text(120)!",
        "StageName": "picklist(255)!",
        "CloseDate": "date!",
        "Amount": "number(18,2)",
        "Probability": "number(3,0)",
        "Description": "textarea(32000)",
        "LeadSource": "picklist(255)",
        "Type": "picklist(255)",
        "NextStep": "text(255)",
        "CurrencyIsoCode": "picklist(3)",
        "RecordTypeId": "id",
        "OwnerId": "id",
        "AccountId": "id",
        "ContactId": "id",
        "CampaignId": "id",
        "Pricebook2Id": "id",
    },
    "Order": {
        "EffectiveDate": "date!",
        "EndDate": "date",
        "Status": "picklist(255)!",
        "Name": "text(80)",
        "Type": "picklist(255)",
        "PoNumber": "text(80)",
        "Description": "textarea(32000)",
        "CurrencyIsoCode": "picklist(3)",
        "AccountId": "id",
        "Pricebook2Id": "id",
        "RecordTypeId": "id",
        "OwnerId": "id",
        **_address("Billing", "Shipping"),
    },
}
