"""Codes of whole calls: who may call, how much, and how Salesforce is. REST, OAuth and login."""

from __future__ import annotations

from agents.salesforce.errors.error_kind import ErrorKind as Kind
from agents.salesforce.errors.error_rule import STATUS_PAGE, Advice, ErrorRule, words

DOCTOR = "Run `orderstream doctor`: it names the step of the login that fails and its setting."

CALL_RULES: tuple[ErrorRule, ...] = (
    ErrorRule(
        Kind.AUTH,
        "The session has expired or is not valid on this host.",
        "One new token is fetched; if that is refused too: check that the instance URL is your My "
        "Domain, that the user's session policy allows API use, that the app has the scope api, "
        "and that the user's password has not expired.",
        words(
            "INVALID_SESSION_ID INVALID_AUTH_HEADER INVALID_ACCESS_TOKEN Unauthorized "
            "InvalidSessionId"
        ),
    ),
    ErrorRule(
        Kind.AUTH,
        "The user's password has expired, so the org lets nothing of this user in.",
        "Setup > Users > orderstream's user: reset the password, and give the user a profile or "
        "permission set with 'Password Never Expires'; nothing else of the login is wrong.",
        words("PASSWORD_EXPIRED INVALID_OPERATION_WITH_EXPIRED_PASSWORD"),
    ),
    ErrorRule(
        Kind.AUTH,
        "A security policy of the org asks this user for a second factor, or ends the session.",
        "Setup > Transaction Security Policies and Session Settings: exempt orderstream's user, "
        "who cannot give a second factor; nothing else of the login is wrong.",
        words("TXN_SECURITY_TWO_FA_REQUIRED TXN_SECURITY_END_A_SESSION"),
    ),
    ErrorRule(
        Kind.AUTH,
        "Salesforce does not let the app or the user in.",
        DOCTOR,
        words(
            "invalid_grant invalid_client invalid_client_id invalid_client_credentials "
            "invalid_request invalid_scope invalid_app_access invalid_assertion "
            "invalid_assertion_type invalid_token inactive_user inactive_org "
            "unsupported_grant_type unsupported_response_type unauthorized_client app_not_found "
            "access_denied login_required interaction_required immediate_unsuccessful "
            "redirect_uri_mismatch redirect_uri_missing OAUTH_APP_BLOCKED OAUTH_APP_ACCESS_DENIED "
            "OAUTH_APPROVAL_ERROR_GENERIC Missing_OAuth_Token Bad_OAuth_Token "
            "INVALID_LOGIN INVALID_USERID USER_INACTIVE PASSWORD_LOCKOUT LOGIN_CHALLENGE_ISSUED "
            "LOGIN_CHALLENGE_PENDING LOGIN_MUST_USE_SECURITY_TOKEN LOGIN_DURING_RESTRICTED_TIME "
            "LOGIN_DURING_RESTRICTED_DOMAIN LOGIN_USE_RESTRICTED_DOMAIN INVALID_SSO_GATEWAY_URL "
            "INVALID_REFRESH_TOKEN NO_ACCESS_TOKEN NO_REFRESH_TOKEN NO_ACCESS_TOKEN_FROM_REFRESH "
            "NO_TOKEN_ENDPOINT NO_AUTH_PROVIDER INVALID_OAUTH_URL UNKNOWN_TOKEN_ERROR "
            "TERMS_OF_SERVICE_UNREAD ORG_LOCKED TRIAL_EXPIRED MUTUAL_AUTHENTICATION_FAILED "
            "REQUIRE_CONNECTED_APP_SCS REQUIRE_CONNECTED_APP_SESSION_SCS REQUIRE_RUNAS_USER "
            "INVALID_SCS_INBOUND_USER"
        ),
    ),
    ErrorRule(
        Kind.AUTH,
        "The user logs in too often: more than 3,600 times within an hour.",
        "Look for another program that logs in as this user for every call; it is open again "
        "after an hour.",
        words("LOGIN_RATE_EXCEEDED rate_limit_exceeded"),
    ),
    ErrorRule(
        Kind.QUOTA,
        "The org's API calls of the last 24 hours are used up.",
        "Setup > Company Information > API Requests, Last 24 Hours: find who uses them. Lower "
        "SALESFORCE_DAILY_SHARE to leave more to others.",
        words("REQUEST_LIMIT_EXCEEDED"),
    ),
    ErrorRule(
        Kind.QUOTA,
        "The org's Bulk jobs or batches of the last 24 hours are used up.",
        "Setup > Bulk Data Load Jobs: find who starts so many. SALESFORCE_BULK_THRESHOLD_EVENTS=0 "
        "writes without Bulk jobs meanwhile.",
        words("ExceededQuota EXCEEDED_QUOTA TOO_MANY_JOBS"),
    ),
    ErrorRule(
        Kind.CONCURRENCY,
        "Too much Apex runs in this org at the moment; Salesforce asks to repeat.",
        "If it lasts, lower SALESFORCE_CONCURRENCY or make the org's triggers faster.",
        words("TOO_MANY_APEX_REQUESTS"),
    ),
    ErrorRule(
        Kind.TRANSIENT,
        "Salesforce is overloaded, down for maintenance, or failed inside.",
        STATUS_PAGE + " A code that stays for one order only: open a case with Salesforce, with "
        "the ErrorId of the message.",
        words(
            "SERVER_UNAVAILABLE FUNCTIONALITY_TEMPORARILY_UNAVAILABLE UNKNOWN_EXCEPTION "
            "INTERNAL_ERROR INTERNAL_SERVER_ERROR InternalServerError server_error unknown_error "
            "temporarily_unavailable UNKNOWN_ERROR UNKNOWN Unknown SERVICE_UNAVAILABLE "
            "DUPLICATE_REQUEST DATABASE_ERROR GATEWAY_TIMEOUT ORG_IN_MAINTENANCE SSO_SERVICE_DOWN "
            "ORG_IS_SIGNING_UP"
        ),
    ),
    ErrorRule(
        Kind.TRANSIENT,
        "The org is read-only while Salesforce maintains its instance: every write is refused.",
        STATUS_PAGE + " The maintenance calendar says when it ends.",
        words("INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE INVALID_READ_ONLY_USER_DML"),
    ),
    ErrorRule(
        Kind.TRANSIENT,
        "Salesforce gave up on the request because it took too long.",
        "If it stays in the smallest calls, the org's triggers or flows are too slow: make them "
        "fit for bulk writes.",
        words(
            "REQUEST_RUNNING_TOO_LONG QUERY_TIMEOUT QUERY_TOO_COMPLICATED Timeout "
            "REALTIME_PROCESSING_TIME_EXCEEDED_LIMIT"
        ),
        Advice.SEND_LESS,
    ),
    ErrorRule(
        Kind.TRANSIENT,
        "The request is larger than Salesforce accepts.",
        "If one order alone is too large, shorten its texts in mapping.yaml (`truncate`).",
        words(
            "REQUEST_ENTITY_TOO_LARGE PAYLOAD_SIZE_EXCEEDED EXCEEDED_ID_LIMIT "
            "EXCEEDED_MAX_SIZE_REQUEST OPERATION_TOO_LARGE MAX_LIMIT_EXCEEDED "
            "DELETE_OPERATION_TOO_LARGE URI_TOO_LONG EXCEEDED_MAX_SOBJECTS "
            "EXCEEDED_MAX_TYPES_LIMIT TOO_MANY_RECORDS"
        ),
        Advice.SEND_LESS,
    ),
    ErrorRule(
        Kind.TRANSIENT,
        "Transaction security policies of the org took too long to evaluate.",
        "Setup > Transaction Security Policies: exempt orderstream's user.",
        words("TXN_SECURITY_METERING_ERROR"),
    ),
    ErrorRule(
        Kind.TRANSIENT,
        "The row was not written because another row of the same request failed.",
        "Look for the other row's error: it is the cause.",
        words("ALL_OR_NONE_OPERATION_ROLLED_BACK PROCESSING_HALTED BATCH_PROCESSING_HALTED"),
    ),
)
