"""Codes that are one record's own: duplicates, locks, values, parents, owners."""

from __future__ import annotations

from agents.salesforce.errors.error_kind import ErrorKind as Kind
from agents.salesforce.errors.error_rule import (
    MAPPING,
    PERMISSIONS,
    TWINS,
    Advice,
    ErrorRule,
    words,
)

RECORD_RULES: tuple[ErrorRule, ...] = (
    # Locks
    ErrorRule(
        Kind.LOCK,
        "Another transaction holds this record or the record it belongs to (often the Account).",
        "Look for imports, flows or sharing calculations that touch the same Accounts.",
        words("UNABLE_TO_LOCK_ROW TooManyLockFailure TERRITORY_REALIGN_IN_PROGRESS"),
    ),
    ErrorRule(
        Kind.LOCK,
        "The record is in use by a workflow or an approval process.",
        "Setup > Approval Processes: let orderstream's user edit records that are in approval, or "
        "finish the approval.",
        words("RECORD_IN_USE_BY_WORKFLOW"),
    ),
    ErrorRule(
        Kind.PERMANENT,
        "An approval process has locked the record.",
        "Finish or recall the approval, unlock the record, or give orderstream's user 'Modify All' "
        "on the object.",
        words("ENTITY_IS_LOCKED ALREADY_IN_PROCESS"),
    ),
    # Duplicates
    ErrorRule(
        Kind.PERMANENT,
        "Another record holds a value that must be unique; its id is in the message.",
        "Merge or correct the other record. If the external id itself is the duplicate, mark its "
        "field External ID and Unique, and let orderstream's user see the other record (sharing).",
        words("DUPLICATE_VALUE"),
        Advice.RETRY_ONCE,
    ),
    ErrorRule(
        Kind.PERMANENT,
        "A duplicate rule of the org takes this for an existing record.",
        "Setup > Duplicate Rules: set the rule's action to Allow with Alert and "
        "SALESFORCE_ALLOW_DUPLICATES=true, exempt orderstream's user, or merge the records.",
        words("DUPLICATES_DETECTED"),
    ),
    ErrorRule(
        Kind.PERMANENT,
        "Several records hold this external id.",
        TWINS,
        words("DUPLICATE_EXTERNAL_ID MULTIPLE_RECORDS_FOUND"),
    ),
    ErrorRule(
        Kind.PERMANENT,
        "A name that must be unique in the org exists already.",
        MAPPING,
        words(
            "DUPLICATE_USERNAME DUPLICATE_COMM_NICKNAME DUPLICATE_DEVELOPER_NAME "
            "DUPLICATE_MASTER_LABEL DUPLICATE_CASE_SOLUTION DUPLICATE_CUSTOM_ENTITY_DEFINITION "
            "DUPLICATE_CUSTOM_TAB_MOTIF DUPLICATE_SENDER_DISPLAY_NAME"
        ),
    ),
    # Values
    ErrorRule(
        Kind.PERMANENT,
        "A required field is empty.",
        MAPPING,
        words("REQUIRED_FIELD_MISSING INVALID_EMPTY_KEY_OWNER"),
    ),
    ErrorRule(
        Kind.PERMANENT,
        "A text is longer than its field.",
        "Let mapping.yaml truncate the field, or lengthen it in Setup > Object Manager.",
        words(
            "STRING_TOO_LONG CUSTOM_CLOB_FIELD_LIMIT_EXCEEDED MAX_TASK_DESCRIPTION_EXCEEDED "
            "MAX_TASK_DESCRIPTION_EXCEEEDED MAXIMUM_SIZE_OF_ATTACHMENT MAXIMUM_SIZE_OF_DOCUMENT "
            "FILE_SIZE_LIMIT_EXCEEDED IMAGE_TOO_LARGE"
        ),
    ),
    ErrorRule(
        Kind.PERMANENT,
        "A text has characters that the org does not store.",
        "Correct the text in Magento.",
        words(
            "TEXT_DATA_OUTSIDE_SUPPORTED_CHARSET INVALID_TEXT_REPRESENTATION INVALID_MARKUP "
            "UNSAFE_HTML_CONTENT"
        ),
    ),
    ErrorRule(
        Kind.PERMANENT,
        "Salesforce does not take this for an e-mail address.",
        "Correct the address in Magento.",
        words("INVALID_EMAIL_ADDRESS"),
    ),
    ErrorRule(
        Kind.PERMANENT,
        "The value is not one of the picklist's (of this record type, stage or sales process).",
        "Add the value in Setup > Object Manager, to the record type and its sales process too, or "
        "map it to an existing one in mapping.yaml.",
        words("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST INVALID_STATUS TOO_MANY_ENUM_VALUE"),
    ),
    ErrorRule(
        Kind.PERMANENT,
        "The currency is not active in the org, or its rate is no positive number.",
        "Setup > Manage Currencies: activate the currency, or map it to an active one.",
        words(
            "INVALID_CURRENCY_ISO INVALID_CURRENCY_CONV_RATE INVALID_CURRENCY_CORP_RATE "
            "CANT_DISABLE_CORP_CURRENCY CANT_UNSET_CORP_CURRENCY"
        ),
    ),
    ErrorRule(
        Kind.PERMANENT,
        "Fields of the record contradict each other (state and country, price book and entry).",
        "Correct the data or the mapping. States: Setup > State and Country/Territory Picklists.",
        words("FIELD_INTEGRITY_EXCEPTION CLONE_FIELD_INTEGRITY_EXCEPTION"),
    ),
    ErrorRule(
        Kind.PERMANENT,
        "The record does not fit the filter of a lookup field.",
        "Setup > Object Manager > the lookup field: read its filter (owner, record type, status "
        "of the record it points to), and correct the filter or the data.",
        words("FIELD_FILTER_VALIDATION_EXCEPTION RELATED_ENTITY_FILTER_VALIDATION_EXCEPTION"),
    ),
    ErrorRule(
        Kind.PERMANENT,
        "A value has the wrong type or format for its field.",
        MAPPING,
        words(
            "INVALID_TYPE_ON_FIELD_IN_RECORD NUMBER_OUTSIDE_VALID_RANGE INVALID_NUMBER "
            "NUMERIC_VALUE_OUT_OF_RANGE MISSING_ARGUMENT INVALID_ARGUMENT_TYPE INVALID_INPUT "
            "INVALID_API_INPUT JSON_PARSER_ERROR INVALID_DATE_FORMAT INVALID_INET_ADDRESS "
            "INVALID_DATA_URI INVALID_CREDIT_CARD_INFO INVALID_RUNTIME_VALUE ILLEGAL_ARGUMENT "
            "INVALID_INPUT_COMBINATION INVALID_INPUT_FORMAT INVALID_LOCALE_LANGUAGE ID_REQUIRED "
            "DUPLICATE_ARGUMENT_VALUE POST_BODY_PARSE_ERROR ARGUMENT_OBJECT_PARSE_ERROR "
            "CIRCULAR_OBJECT_GRAPH "
            "INVALID_KEY_FIELD_INPUT ClientInputError XML_PARSER_ERROR"
        ),
    ),
    # Parents, ids, owners
    ErrorRule(
        Kind.PERMANENT,
        "The record refers to something that does not exist or that the user may not use (e.g. a "
        "record type).",
        "Check record types, owners and ids of the mapping against the org and the user's profile.",
        words("INVALID_CROSS_REFERENCE_KEY"),
        Advice.RETRY_ONCE,  # or it was deleted while the row was written
    ),
    ErrorRule(
        Kind.PERMANENT,
        "The record refers to something that does not exist or that the user may not use (e.g. a "
        "record type).",
        "Check record types, owners and ids of the mapping against the org and the user's profile.",
        words(
            "INVALID_CROSS_REFERENCE_TYPE_FOR_FIELD INVALID_ID_FIELD MALFORMED_ID "
            "UNAVAILABLE_REF MISSING_RECORD INVALID_QUERY_KEY INVALID_QUERY_VALUE "
            "RECORD_NOT_FOUND PRODUCT_NOT_FOUND CATEGORY_NOT_FOUND WEBSTORE_NOT_FOUND"
        ),
    ),
    ErrorRule(
        Kind.PERMANENT,
        "The user's profile has no record type of this object.",
        "Setup > the user's profile or permission set > Object Settings: assign a record type and "
        "a default, or set RecordTypeId in mapping.yaml.",
        words("UNAVAILABLE_RECORDTYPE_EXCEPTION"),
    ),
    ErrorRule(
        Kind.PERMANENT,
        "The record, or the one it belongs to, has an owner who is no active user any more.",
        "Setup > Users: reactivate the owner, or give the record another owner.",
        words(
            "INACTIVE_OWNER_OR_USER OPERATION_WITH_INACTIVE_USER INVALID_OWNER INVALID_SETUP_OWNER "
            "OP_WITH_INVALID_USER_TYPE_EXCEPTION NO_SUCH_USER_EXISTS"
        ),
    ),
    ErrorRule(
        Kind.PERMANENT,
        "The lead has been converted; a converted lead is not changed any more.",
        "Give its key to the Contact or Account it became, or map these events to another object.",
        words("CANNOT_UPDATE_CONVERTED_LEAD"),
    ),
    ErrorRule(
        Kind.PERMANENT,
        "The record cannot get another parent.",
        "Leave the parent out for existing records (`on_insert` in mapping.yaml), or allow "
        "reparenting on the master-detail field.",
        words("CANNOT_REPARENT_RECORD CIRCULAR_DEPENDENCY"),
    ),
    ErrorRule(
        Kind.PERMANENT,
        "A person account is not written like this.",
        "Use the mapping for person accounts (docs/mapping.md): one record, PersonEmail, FirstName "
        "and LastName, no change of the record type together with other fields.",
        words("INVALID_PERSON_ACCOUNT_OPERATION"),
    ),
    ErrorRule(
        Kind.PERMANENT,
        "The price book has no standard price of this product.",
        "Add a standard price for the product, in this currency, and activate it.",
        words("STANDARD_PRICE_NOT_DEFINED LIST_PRICE_NOT_FOUND INVALID_LINEITEM_CLONE_STATE"),
    ),
    ErrorRule(
        Kind.PERMANENT,
        "The contract or order could not be activated.",
        "Read the message: its lines, prices or status do not allow it.",
        words(
            "FAILED_ACTIVATION NONUNIQUE_SHIPPING_ADDRESS STATE_TRANSITION_NOT_ALLOWED "
            "INVALID_REQUEST_STATE"
        ),
    ),
    ErrorRule(
        Kind.PERMANENT,
        "The record was deleted, archived or merged away in Salesforce.",
        "Restore it from the Recycle Bin, or empty the bin to let it be created anew.",
        words("ENTITY_IS_DELETED ENTITY_IS_ARCHIVED UNDELETE_FAILED MERGE_FAILED"),
        Advice.RETRY_ONCE,  # who is deleted amid a write is not found by the next
    ),
    ErrorRule(
        Kind.PERMANENT,
        "A hierarchy of records has as many levels or members as the org allows.",
        "Attach the record elsewhere: see the parent's hierarchy in Salesforce.",
        words(
            "MAXIMUM_HIERARCHY_LEVELS_REACHED MAXIMUM_HIERARCHY_CHILDREN_REACHED "
            "MAXIMUM_HIERARCHY_TREE_SIZE_REACHED"
        ),
    ),
    ErrorRule(
        Kind.PERMANENT,
        "The user may not write this record or the one it belongs to.",
        PERMISSIONS + " Sharing rules can hide single records.",
        words(
            "INSUFFICIENT_ACCESS_OR_READONLY INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY "
            "INSUFFICIENT_ACCESS TRANSFER_REQUIRES_READ CHILD_SHARE_FAILS_PARENT "
            "SHARE_NEEDED_FOR_CHILD_OWNER INVALID_ACCESS_LEVEL PRIVATE_CONTACT_ON_ASSET "
            "PORTAL_NO_ACCESS COMMUNITY_NOT_ACCESSIBLE INSUFFICIENT_ACCESS_TO_INSIGHTSEXTERNALDATA"
        ),
    ),
    ErrorRule(
        Kind.PERMANENT,
        "Somebody changed the record in between, or its last change lies in the future.",
        "Compare the record in Salesforce with the order.",
        words("ENTITY_FAILED_IFLASTMODIFIED_ON_UPDATE COLLISION_DETECTED CONFLICT MODIFIED"),
    ),
    ErrorRule(
        Kind.PERMANENT,
        "The record could not be deleted: something depends on it.",
        "Remove what depends on it in Salesforce, or keep the record.",
        words(
            "DELETE_FAILED DELETE_NOT_ALLOWED DELETE_REQUIRED_ON_CASCADE DEPENDENCY_EXISTS "
            "CANNOT_CASCADE_PRODUCT_ACTIVE HAS_PUBLIC_REFERENCES CANNOT_DELETE_ENTITY "
            "CANNOT_DELETE_OWNER"
        ),
    ),
)
