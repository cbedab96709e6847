"""Codes of the org's set-up, of the mapping, and of the address: alike for many records."""

from __future__ import annotations

from agents.salesforce.errors.error_kind import ErrorKind as Kind
from agents.salesforce.errors.error_rule import PERMISSIONS, ErrorRule, words

# The org is at another host than the one that was called.
MOVED = words("URL_NOT_RESET ORG_NOT_OWNED_BY_INSTANCE ORG_IS_DOT_ORG")

CONFIG_RULES: tuple[ErrorRule, ...] = (
    ErrorRule(
        Kind.CONFIG,
        "A field of the mapping does not exist in this org or is hidden from the user; or the "
        "record this one belongs to is not in Salesforce yet.",
        "Deploy the metadata package or correct mapping.yaml (`orderstream map --check` names "
        "the line); check field-level security.",
        words("INVALID_FIELD"),
    ),
    ErrorRule(
        Kind.CONFIG,
        "The user may not write a field of the mapping.",
        PERMISSIONS,
        words("INVALID_FIELD_FOR_INSERT_UPDATE FIELD_NOT_UPDATABLE REL_FIELD_BAD_ACCESSIBILITY"),
    ),
    ErrorRule(
        Kind.CONFIG,
        "The object of the mapping does not exist in this org, is hidden from the user, or cannot "
        "be written like this.",
        "Correct mapping.yaml. " + PERMISSIONS,
        words(
            "INVALID_TYPE INVALID_TYPE_FOR_OPERATION INVALID_ENTITY_FOR_UPSERT NOT_ACCEPTABLE "
            "InvalidEntity BIG_OBJECT_UNSUPPORTED_OPERATION"
        ),
    ),
    ErrorRule(
        Kind.CONFIG,
        "Salesforce could not read a query or a batch of orderstream.",
        "A name in mapping.yaml is not the org's: run `orderstream map --check`.",
        words(
            "MALFORMED_QUERY INVALID_QUERY_FILTER_OPERATOR INVALID_QUERY_LOCATOR InvalidBatch "
            "INVALID_BATCH INVALID_BATCH_OPERATION INVALID_QUERY_SCOPE MALFORMED_SEARCH "
            "INVALID_BATCH_REQUEST INVALID_BATCH_SIZE ILLEGAL_QUERY_PARAMETER_VALUE "
            "INVALID_LOCATOR INVALID_PAGING_OPTION INVALID_SORT_OPTION INVALID_SEARCH "
            "INVALID_SEARCH_SCOPE INVALID_FILTER_LANGUAGE INVALID_FILTER_VALUE "
            "EXCEEDED_MAX_FILTER_ENTITIES EXCEEDED_MAX_SEMIJOIN_SUBSELECTS "
            "ENTITY_NOT_QUERYABLE"
        ),
    ),
    ErrorRule(
        Kind.CONFIG,
        "The address does not exist: API version, object or external-ID field is unknown.",
        "Check SALESFORCE_API_VERSION, and that the external-ID fields of mapping.yaml exist and "
        "are visible to the user.",
        words(
            "NOT_FOUND NotFound ITEM_NOT_FOUND METHOD_NOT_ALLOWED MethodNotAllowed "
            "InvalidUrl UNSUPPORTED_API_VERSION INVALID_VERSION InvalidVersion HttpsRequired "
            "UNSUPPORTED_MEDIA_TYPE UnsupportedContentType INVALID_CONTENT_TYPE INVALID_SUBDOMAIN "
            "INVALID_MULTIPART_REQUEST INVALID_SOAP_HEADER MISMATCHING_VERSIONS"
        ),
    ),
    ErrorRule(
        Kind.CONFIG,
        "The org does not live at this address, or not any more.",
        "A new login names the org's present address. If it stays: set SALESFORCE_LOGIN_URL to "
        "the org's My Domain, https://<domain>.my.salesforce.com.",
        MOVED,
    ),
    ErrorRule(
        Kind.CONFIG,
        "A transaction security policy of the org forbids this, or could not be evaluated.",
        "Setup > Transaction Security Policies: exempt orderstream's user, or correct the policy.",
        words(
            "TXN_SECURITY_NO_ACCESS TXN_SECURITY_RUNTIME_EXCEPTION TXN_SECURITY_RUNTIME_ERROR "
            "TXN_SECURITY_APEX_ERROR TXN_SECURITY_FAIL_CLOSE TransactionSecurityBlock "
            "TransactionSecurityDeveloperError TransactionSecurityInternalError"
        ),
    ),
    ErrorRule(
        Kind.CONFIG,
        "The API version is retired: this org does not answer it any more.",
        "Set SALESFORCE_API_VERSION to a version the org has (Setup > API, or /services/data).",
        words("GONE API_VERSION_RETIRED RESOURCE_RETIRED"),
    ),
    ErrorRule(
        Kind.CONFIG,
        "The API, or a feature of it, is not enabled for this org or user.",
        "The edition must include API access and the user needs 'API Enabled'; a new app can take "
        "hours to become active.",
        words(
            "API_DISABLED_FOR_ORG API_CURRENTLY_DISABLED API_DISABLED FUNCTIONALITY_NOT_ENABLED "
            "REQUIRED_FEATURE_MISSING FeatureNotEnabled FEATURENOTENABLED InvalidUser "
            "INVALID_REPLICATION_DATE UNSUPPORTED_CLIENT CLIENT_NOT_ACCESSIBLE_FOR_USER "
            "FORBIDDEN Forbidden PACKAGE_DISABLED API_BLOCKED APEX_REST_SERVICES_DISABLED "
            "CLIENT_REQUIRE_UPDATE_FOR_USER INACTIVE_PORTAL DATACLOUD_API_DISABLED_EXCEPTION"
        ),
    ),
    ErrorRule(
        Kind.CONFIG,
        "A Bulk job was not accepted as orderstream makes it.",
        "Check SALESFORCE_API_VERSION and the user's 'API Enabled' permission; "
        "SALESFORCE_BULK_THRESHOLD_EVENTS=0 writes without Bulk jobs meanwhile.",
        words(
            "INVALIDJOB InvalidJob INVALIDJOBSTATE InvalidJobState InvalidOperation InvalidXml "
            "InvalidXML INVALIDENTITY"
        ),
    ),
    ErrorRule(
        Kind.CONFIG,
        "The org's data storage is full: nothing new can be created.",
        "Setup > Storage Usage: delete data or buy storage.",
        words("STORAGE_LIMIT_EXCEEDED"),
    ),
    ErrorRule(
        Kind.CONFIG,
        "A limit or licence of the org is used up.",
        "Setup > Company Information and System Overview: find the limit that the message names, "
        "and free or buy more of it.",
        words(
            "LIMIT_EXCEEDED LICENSE_LIMIT_EXCEEDED PACKAGE_LICENSE_REQUIRED "
            "INVALID_PACKAGE_LICENSE INSUFFICIENT_CREDITS JIGSAW_IMPORT_LIMIT_EXCEEDED "
            "IP_RANGE_LIMIT_EXCEEDED COMMERCIAL_CONTROL_ERROR"
        ),
    ),
)
