"""Errors that are one record's own: the rows of the table that end in the dead-letter queue.

Sources: Salesforce's SOAP API guide (StatusCode) and bodies recorded from real orgs.
"""

from __future__ import annotations

from agents.salesforce.errors.error_kind import ErrorKind as Kind
from agents.salesforce.errors.error_rule import MAPPING, PERMISSIONS, TWINS, Advice, ErrorRule, says

RECORD_RULES: tuple[ErrorRule, ...] = (
    # Duplicates
    ErrorRule(
        Kind.PERMANENT,
        "The request held the same external id twice.",
        "A defect of the sender: it keeps the newest row per external id. `orderstream dlq "
        "requeue` sends it alone.",
        codes=("DUPLICATE_VALUE",),
        pattern=says(r"duplicate external id specified"),
        advice=Advice.RETRY_ONCE,
    ),
    ErrorRule(
        Kind.PERMANENT,
        "Another record holds this unique value; its id is in the message.",
        "Merge or correct the other record, then `orderstream dlq requeue`. If the external id "
        "itself is the duplicate, mark its field External ID and Unique.",
        codes=("DUPLICATE_VALUE",),
        advice=Advice.RETRY_ONCE,
    ),
    ErrorRule(
        Kind.PERMANENT,
        "A duplicate rule of the org takes this for an existing record.",
        "Setup > Duplicate Rules: set the rule's action to Allow with Alert and "
        "SALESFORCE_ALLOW_DUPLICATES=true, exempt orderstream's user, or merge the records; then "
        "`orderstream dlq requeue`.",
        codes=("DUPLICATES_DETECTED",),
    ),
    ErrorRule(
        Kind.PERMANENT,
        "Several records hold this external id.",
        TWINS,
        codes=("DUPLICATE_EXTERNAL_ID",),
    ),
    ErrorRule(
        Kind.PERMANENT,
        "Several records hold this external id.",
        TWINS,
        statuses=(300,),
    ),
    # The record itself
    ErrorRule(
        Kind.PERMANENT, "A required field is empty.", MAPPING, codes=("REQUIRED_FIELD_MISSING",)
    ),
    ErrorRule(
        Kind.PERMANENT,
        "A text is longer than its field.",
        "Let mapping.yaml truncate the field, or lengthen it in Setup > Object Manager, then "
        "`orderstream dlq requeue`.",
        codes=("STRING_TOO_LONG",),
    ),
    ErrorRule(
        Kind.PERMANENT,
        "Salesforce does not take this for an e-mail address.",
        "Correct the address in Magento, then `orderstream dlq requeue`.",
        codes=("INVALID_EMAIL_ADDRESS",),
    ),
    ErrorRule(
        Kind.PERMANENT,
        "The value is not one of the picklist's.",
        "Add the value in Setup > Object Manager, or map it to an existing one in mapping.yaml; "
        "then `orderstream dlq requeue`.",
        codes=("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",),
    ),
    ErrorRule(
        Kind.PERMANENT,
        "Fields of the record contradict each other (state and country, price book and entry).",
        "Correct the data or the mapping. States: Setup > State and Country/Territory Picklists.",
        codes=("FIELD_INTEGRITY_EXCEPTION",),
    ),
    ErrorRule(
        Kind.PERMANENT,
        "A validation rule of the org refused the record.",
        "Read the rule's message; correct the data or the rule (Setup > Object Manager > "
        "Validation Rules), then `orderstream dlq requeue`.",
        codes=("FIELD_CUSTOM_VALIDATION_EXCEPTION",),
    ),
    ErrorRule(
        Kind.PERMANENT,
        "A value has the wrong type or format for its field.",
        MAPPING,
        codes=(
            "INVALID_TYPE_ON_FIELD_IN_RECORD",
            "NUMBER_OUTSIDE_VALID_RANGE",
            "INVALID_NUMBER",
            "NUMERIC_VALUE_OUT_OF_RANGE",
            "MISSING_ARGUMENT",
        ),
    ),
    ErrorRule(
        Kind.PERMANENT,
        "The record refers to something the user may not use (e.g. a record type).",
        "Check record types and owners of the mapping against the user's profile.",
        codes=("INVALID_CROSS_REFERENCE_KEY",),
    ),
    ErrorRule(
        Kind.PERMANENT,
        "A Salesforce id of the wrong kind was sent.",
        "Correct the id in mapping.yaml, then `orderstream dlq requeue`.",
        codes=("MALFORMED_ID",),
    ),
    ErrorRule(
        Kind.PERMANENT,
        "The record was deleted in Salesforce.",
        "Restore it from the Recycle Bin (or empty the bin to let it be created anew), then "
        "`orderstream dlq requeue`.",
        codes=("ENTITY_IS_DELETED",),
    ),
    ErrorRule(
        Kind.PERMANENT,
        "The user may not write this record or the one it belongs to.",
        PERMISSIONS + " Sharing rules can hide single records: then `orderstream dlq requeue`.",
        codes=(
            "INSUFFICIENT_ACCESS_OR_READONLY",
            "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY",
        ),
    ),
)
