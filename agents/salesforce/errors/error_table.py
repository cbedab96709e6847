"""Every way Salesforce says no that we know, as data: what it means and what to do about it.

Matched from the top; the first row that fits wins, so rows with a message pattern stand before the
row of their code without one. What fits no row is judged by HTTP status (`DEFAULTS`): a row alone
is repeated under the attempt limit; a whole refused request is taken for the fault of one of its
rows; 401, 403 and redirects stop everything until somebody looks; the rest is an outage. Sources:
Salesforce's REST API guide (status codes and error responses) and bodies recorded from real orgs.
"""

from __future__ import annotations

from dataclasses import replace

from agents.salesforce.errors.error_kind import ErrorKind as Kind
from agents.salesforce.errors.error_rule import MAPPING, PERMISSIONS, WAIT, Advice, ErrorRule, says
from agents.salesforce.errors.own_errors import OWN_RULES
from agents.salesforce.errors.record_errors import RECORD_RULES

QUOTA_SPENT = ErrorRule(
    Kind.QUOTA,
    "The org's API calls of the last 24 hours are used up.",
    "Setup > Company Information > API Requests, Last 24 Hours: find who uses them. "
    "orderstream waits and goes on as calls become free; lower SALESFORCE_DAILY_SHARE to "
    "leave more to others.",
    codes=("REQUEST_LIMIT_EXCEEDED",),
    pattern=says(r"TotalRequests"),
)

CALL_RULES: tuple[ErrorRule, ...] = (
    # Whoever asks
    ErrorRule(
        Kind.AUTH,
        "The session is not accepted by the REST API; a new one would not be either.",
        "Setup > Connected App or External Client App: check its scopes (api) and that it is "
        "attached to the user; check the user's 'API Enabled' permission.",
        statuses=(401,),
        pattern=says(r"not valid for use with the REST API|not attached to Agent"),
    ),
    ErrorRule(
        Kind.AUTH,
        "The session has expired or is not valid on this host.",
        "Nothing to do when it happens once: a new token is fetched. If it stays: check that the "
        "instance URL is your My Domain and that the user's session policy allows API use.",
        codes=("INVALID_SESSION_ID", "INVALID_AUTH_HEADER"),
    ),
    ErrorRule(
        Kind.AUTH,
        "Salesforce does not let the app or the user in.",
        "Run `orderstream doctor`: it names the step of the login that fails and its setting.",
        codes=(
            "invalid_grant",
            "invalid_client",
            "invalid_client_id",
            "invalid_app_access",
            "inactive_user",
            "inactive_org",
            "unsupported_grant_type",
            "unauthorized_client",
            "app_not_found",
            "access_denied",
            "INVALID_LOGIN",
            "LOGIN_RATE_EXCEEDED",
            "rate_limit_exceeded",
            "USER_INACTIVE",
            "PASSWORD_LOCKOUT",
        ),
    ),
    # The org's limits: one code, told apart by the message only
    ErrorRule(
        Kind.CONCURRENCY,
        "Too many long-running requests are in flight in this org.",
        "Nothing to do: fewer calls are sent at once. If it lasts, lower SALESFORCE_CONCURRENCY "
        "or make the org's triggers faster.",
        codes=("REQUEST_LIMIT_EXCEEDED",),
        pattern=says(r"concurrent"),
    ),
    QUOTA_SPENT,
    ErrorRule(
        Kind.CONCURRENCY,
        "Salesforce asks for fewer requests per time.",
        "Nothing to do: it slows down and waits as asked. If it lasts, lower "
        "SALESFORCE_CALLS_PER_SECOND.",
        statuses=(429,),
    ),
    replace(QUOTA_SPENT, pattern=None),
    # Locks and order of writes
    ErrorRule(
        Kind.LOCK,
        "Another transaction holds this record or the record it belongs to (often the Account).",
        "Nothing to do: the row is repeated. If it happens often, look for imports or flows that "
        "touch the same Accounts.",
        codes=("UNABLE_TO_LOCK_ROW",),
    ),
    ErrorRule(
        Kind.LOCK,
        "A trigger or flow could not lock a record.",
        "Nothing to do: the row is repeated.",
        codes=("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",),
        pattern=says(r"UNABLE_TO_LOCK_ROW"),
    ),
    ErrorRule(
        Kind.TRANSIENT,
        "A trigger or flow of the org ran into a governor limit with this many rows.",
        "The rows are repeated in smaller calls. If it stays, the org's automation must be made "
        "fit for bulk writes.",
        codes=("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "CANNOT_EXECUTE_FLOW_TRIGGER"),
        pattern=says(r"Too many (SOQL|DML|query)|LimitException|CPU time limit"),
        advice=Advice.SEND_LESS,
    ),
    ErrorRule(
        Kind.PERMANENT,
        "A trigger or flow of the org refused the record.",
        "Read the message: it comes from the org's own automation. Fix it or the data, then "
        "`orderstream dlq requeue`.",
        codes=("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "CANNOT_EXECUTE_FLOW_TRIGGER"),
    ),
    ErrorRule(
        Kind.ORDERING,
        "The record this one belongs to is not in Salesforce yet.",
        "Nothing to do: it is repeated after the parent is written. If it stays, the parent was "
        "refused: look for it with `orderstream dlq list`.",
        codes=("INVALID_FIELD",),
        pattern=says(r"foreign key external id.*not found"),
    ),
    # Salesforce is unwell or slow
    ErrorRule(
        Kind.TRANSIENT,
        "Salesforce is overloaded or down for maintenance.",
        WAIT,
        codes=("SERVER_UNAVAILABLE", "FUNCTIONALITY_TEMPORARILY_UNAVAILABLE", "server_error"),
    ),
    ErrorRule(
        Kind.TRANSIENT,
        "Salesforce failed inside; it says to repeat the request.",
        WAIT,
        codes=("UNKNOWN_EXCEPTION", "unknown_error", "temporarily_unavailable"),
    ),
    ErrorRule(
        Kind.TRANSIENT,
        "Salesforce's edge does not know where this org lives at the moment.",
        "It is repeated. If it stays, the org may have moved: check SALESFORCE_LOGIN_URL (your "
        "My Domain).",
        statuses=(420,),
    ),
    ErrorRule(
        Kind.TRANSIENT,
        "Salesforce gave up on the request because it took too long.",
        "The rows are repeated in smaller calls. If it stays, the org's triggers are too slow.",
        codes=("REQUEST_RUNNING_TOO_LONG", "QUERY_TIMEOUT"),
        advice=Advice.SEND_LESS,
    ),
    ErrorRule(
        Kind.TRANSIENT,
        "Transaction security policies of the org took too long to evaluate.",
        "Setup > Transaction Security Policies: exempt orderstream's user.",
        codes=("TXN_SECURITY_METERING_ERROR",),
    ),
    ErrorRule(
        Kind.TRANSIENT,
        "Salesforce asks to repeat the request.",
        WAIT,
        pattern=says(
            r"down for maintenance|retry your request|no healthy upstream|upstream connect error"
        ),
    ),
    ErrorRule(
        Kind.TRANSIENT,
        "The row was not written because another row of the same request failed.",
        "Nothing to do: it is repeated without the guilty row.",
        codes=("ALL_OR_NONE_OPERATION_ROLLED_BACK", "PROCESSING_HALTED"),
    ),
)

CONFIG_RULES: tuple[ErrorRule, ...] = (
    # The org or the mapping: the same for every record
    ErrorRule(
        Kind.CONFIG,
        "A field of the mapping does not exist in this org or is hidden from the user.",
        "Deploy the metadata package or correct mapping.yaml (`orderstream map --check` names "
        "the line); check field-level security.",
        codes=("INVALID_FIELD",),
    ),
    ErrorRule(
        Kind.CONFIG,
        "The user may not write a field of the mapping.",
        PERMISSIONS,
        codes=("INVALID_FIELD_FOR_INSERT_UPDATE",),
    ),
    ErrorRule(
        Kind.CONFIG,
        "The object of the mapping does not exist in this org or is hidden from the user.",
        "Correct mapping.yaml or " + PERMISSIONS[0].lower() + PERMISSIONS[1:],
        codes=("INVALID_TYPE",),
    ),
    ErrorRule(
        Kind.CONFIG,
        "Salesforce could not parse a query of orderstream.",
        "A name in mapping.yaml is not the org's: run `orderstream map --check`.",
        codes=("MALFORMED_QUERY",),
    ),
    ErrorRule(
        Kind.PERMANENT,
        "A value has the wrong type for its field (a text where a number belongs).",
        MAPPING,
        codes=("JSON_PARSER_ERROR",),
        pattern=says(r"cannot deserialize"),
    ),
    ErrorRule(
        Kind.CONFIG,
        "Salesforce could not read a request.",
        "A value in mapping.yaml has a shape the API version does not know: run "
        "`orderstream map --check` and check SALESFORCE_API_VERSION.",
        codes=("JSON_PARSER_ERROR",),
    ),
    ErrorRule(
        Kind.CONFIG,
        "The address does not exist: API version, object or external-ID field is unknown.",
        "Check SALESFORCE_API_VERSION, and that the external-ID fields of mapping.yaml exist and "
        "are visible to the user.",
        codes=("NOT_FOUND",),
    ),
    ErrorRule(
        Kind.CONFIG,
        "The REST API is not enabled for this org or user.",
        "Setup: the edition must include API access and the user needs 'API Enabled'; a new app "
        "can take hours to become active.",
        codes=("API_DISABLED_FOR_ORG", "API_CURRENTLY_DISABLED"),
    ),
    ErrorRule(
        Kind.CONFIG,
        "The org's data storage is full.",
        "Setup > Storage Usage: delete data or buy storage; then it goes on by itself.",
        codes=("STORAGE_LIMIT_EXCEEDED",),
    ),
    ErrorRule(
        Kind.CONFIG,
        "A Bulk job was refused before any row was read.",
        "A field of the job does not exist or is hidden: run `orderstream map --check`.",
        codes=("InvalidBatch",),
    ),
    ErrorRule(
        Kind.CONFIG,
        "Salesforce does not accept this kind of job or its size.",
        "Check SALESFORCE_API_VERSION and the user's 'API Enabled' permission.",
        codes=("INVALIDJOB", "INVALIDJOBSTATE", "FEATURENOTENABLED"),
    ),
)

RULES = OWN_RULES + CALL_RULES + RECORD_RULES + CONFIG_RULES

UNKNOWN_ROW = ErrorRule(
    Kind.TRANSIENT,
    "An error that orderstream does not know, for this row alone.",
    "It is repeated a few times and then kept in the dead-letter queue: look the code up in the "
    "SOAP API guide (StatusCode), fix the cause, then `orderstream dlq requeue`.",
)
UNKNOWN_REFUSAL = ErrorRule(
    Kind.PERMANENT,
    "Salesforce refused a request for a reason that orderstream does not know.",
    "The row at fault is searched and set aside in the dead-letter queue; look the code up in "
    "the REST API guide, fix the cause, then `orderstream dlq requeue`.",
)
UNKNOWN_FORBIDDEN = ErrorRule(
    Kind.CONFIG,
    "Salesforce forbids the request.",
    PERMISSIONS,
)
UNKNOWN_UNAUTHORIZED = ErrorRule(
    Kind.AUTH,
    "Salesforce does not accept the session.",
    "Run `orderstream doctor`: it names the step of the login that fails and its setting.",
)
UNKNOWN_REDIRECT = ErrorRule(
    Kind.CONFIG,
    "The address answered with a redirect, which is never followed: tokens stay with their host.",
    "Set SALESFORCE_LOGIN_URL to the org's My Domain, https://<domain>.my.salesforce.com.",
)
TOO_LARGE = ErrorRule(
    Kind.TRANSIENT,
    "The request is larger than Salesforce accepts.",
    "The rows are repeated in smaller calls.",
    advice=Advice.SEND_LESS,
)
UNKNOWN_FAILURE = ErrorRule(Kind.TRANSIENT, "Salesforce or a server in front of it failed.", WAIT)

# The first range that holds the HTTP status; a row's own error counts as 200.
DEFAULTS: tuple[tuple[range, ErrorRule], ...] = (
    (range(200, 300), UNKNOWN_ROW),
    (range(300, 400), UNKNOWN_REDIRECT),
    (range(401, 402), UNKNOWN_UNAUTHORIZED),
    (range(403, 404), UNKNOWN_FORBIDDEN),
    (range(406, 407), UNKNOWN_FAILURE),  # sent with an empty body by overloaded instances
    (range(408, 409), UNKNOWN_FAILURE),
    (range(413, 415), TOO_LARGE),
    (range(431, 432), TOO_LARGE),
    (range(400, 500), UNKNOWN_REFUSAL),
)
