"""Judges the Salesforce org: login, mapping against describe, the stale guard, the budget. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from agents.doctor.check import Check, CheckResult, fail, judged, ok, skipped, warn
from agents.doctor.org_facts import OrgFacts
from agents.mapping.mapping import Mapping as RecordMapping
from agents.mapping.org_features import check_fit
from agents.mapping.schema_check import VERSION_FIELD, SchemaFinding, Severity
from agents.salesforce.api.composite import CUSTOMER_ID_FIELD, OVERRULE_FIELD
from agents.salesforce.api.stale_guard import taking
from agents.salesforce.http.server_date import is_wrong
from stream.settings.salesforce import SalesforceSettings

CUSTOMER_KEY_FIELD = "Magento_Customer_Key__c"
LOW_BUDGET = 0.2
DEPLOY = "deploy the metadata package in salesforce/"


def check_org(
    settings: SalesforceSettings, mapping: RecordMapping, facts: OrgFacts
) -> Iterator[Check]:
    """Yield what is to say about the org."""
    yield _clock(facts)
    yield _version(settings, facts)
    if facts.problem:
        yield fail("salesforce-login", facts.problem, facts.fix or "see the message")
        for name in ("salesforce-fields", "salesforce-stale-guard", "salesforce-budget"):
            yield skipped(name, "Salesforce was not reached")
        return
    yield ok(
        "salesforce-login",
        f"{settings.salesforce_auth_flow} works; the org is {facts.instance_url}",
    )
    yield _host(facts)
    yield _records(facts)
    yield _language(facts)
    yield from _mapping(mapping, facts)
    yield from _adoption(facts)
    yield _stale_guard(settings, mapping, facts)
    yield _overruling(mapping, facts)
    yield _renaming(facts)
    yield _budget(settings, facts)
    yield from _bulk(settings, facts)


def _host(facts: OrgFacts) -> Check:
    name, here = "salesforce-host", urlsplit(facts.instance_url).netloc
    if not facts.worker_host:
        return skipped(name, "no worker's page shows its host: run doctor where STATUS_PORT is set")
    return judged(
        name,
        [f"the worker calls {facts.worker_host}, a fresh login names {here}"]
        if facts.worker_host != here
        else [],
        f"the worker calls {here}, as a fresh login says",
        "the org has moved: the worker logs in again by itself when the old host fails; restart it "
        "if it does not",
        CheckResult.WARN,
    )


def _records(facts: OrgFacts) -> Check:
    name, count = "salesforce-records", facts.written
    if not count or facts.written_there is None:
        return skipped(name, "nothing was written yet, or it could not be asked for")
    return judged(
        name,
        [] if facts.written_there else [f"it has none of the last {count} records we wrote"],
        f"it has {facts.written_there} of the last {count} records that were written",
        "it is another org than before, a refreshed sandbox or a restored one: what the topics "
        "know of is 'unchanged' and not sent. docs/operations.md, Disaster recovery, says how it "
        "gets there; or set SALESFORCE_LOGIN_URL to the org of these topics",
    )


def _language(facts: OrgFacts) -> Check:
    name = "salesforce-language"
    if not facts.language:
        return skipped(name, "the user's language could not be read")
    return ok(
        name,
        f"{facts.language}: messages of Salesforce come in it; codes, field names and ids decide, "
        "so nothing depends on it",
    )


def _clock(facts: OrgFacts) -> Check:
    skew = facts.skew_seconds
    if skew is None:
        return skipped("clock-salesforce", "Salesforce did not tell its time")
    where = "ahead of" if skew > 0 else "behind"
    problem = f"this machine's clock is {abs(skew):.0f} s {where} Salesforce's"
    return judged(
        "clock-salesforce",
        [problem] if is_wrong(skew) else [],
        "agrees with Salesforce's",
        "switch NTP on: logins of the JWT flow are refused when the clock is off",
    )


def _version(settings: SalesforceSettings, facts: OrgFacts) -> Check:
    version = settings.salesforce_api_version
    if not facts.versions:
        return skipped("salesforce-version", "the login host did not list its versions")
    newest = max(facts.versions, key=lambda text: float(text.lstrip("v")))
    return judged(
        "salesforce-version",
        [f"{version} is not offered"] if version not in facts.versions else [],
        version,
        f"set SALESFORCE_API_VERSION, the newest is {newest}",
    )


def _mapping(mapping: RecordMapping, facts: OrgFacts) -> Iterator[Check]:
    found = check_fit(mapping, facts.describes, facts.features)
    findings = [finding for finding in found if finding.field != VERSION_FIELD]
    if not findings:
        fine = f"{', '.join(facts.describes)}: every field is there and may be written"
        yield ok("salesforce-fields", fine)
    for finding in findings:
        result = CheckResult.FAIL if finding.severity is Severity.ERROR else CheckResult.WARN
        yield Check(_name(finding), result, _sentence(finding), finding.fix)


def _name(finding: SchemaFinding) -> str:
    """Return the kind of check a finding belongs to."""
    kinds = {
        "not Unique": "salesforce-unique",
        "External ID": "salesforce-external-id",
        "may not": "salesforce-permissions",
        "the object is not": "salesforce-permissions",
        "no such object": "salesforce-objects",
        "requires the field": "salesforce-required-field",
        "picklist": "salesforce-picklists",
        "currenc": "salesforce-currencies",
        "as if it were": "salesforce-currencies",
        "Person Accounts": "salesforce-person-accounts",
    }
    found = (name for words, name in kinds.items() if words in finding.problem)
    return next(found, "salesforce-fields")


def _sentence(finding: SchemaFinding) -> str:
    what = f"{finding.sobject}.{finding.field}" if finding.field else finding.sobject
    return f"{what}: {finding.problem} ({finding.place})"


def _adoption(facts: OrgFacts) -> Iterator[Check]:
    for sobject, count in facts.without_key.items():
        name = "salesforce-adoption"
        if count is None:
            yield skipped(name, f"the {sobject} records without a key could not be counted")
        elif count:
            detail = f"{count:,} {sobject} records have an e-mail and no key of orderstream's"
            yield warn(name, detail, "orderstream adopt --dry-run shows which would get one")
        else:
            yield ok(name, f"every {sobject} with an e-mail has its key")


def _stale_guard(settings: SalesforceSettings, mapping: RecordMapping, facts: OrgFacts) -> Check:
    rows = mapping.rulebook.active_rows()
    needed = dict.fromkeys(row.sobject for row in rows if not row.is_insert_only)
    bare = [name for name in needed if name not in facts.guarded]
    name = "salesforce-stale-guard"
    if not bare:
        fine = f"{VERSION_FIELD} is sent for {', '.join(needed)}: with its validation rule active, "
        return ok(name, f"{fine}the org refuses older states, whoever sends them")
    detail = (
        f"{', '.join(bare)}: without {VERSION_FIELD} it is NOT guaranteed that a worker which was "
        "frozen in mid-call (a suspended machine) cannot write an old state over a newer one when "
        "it wakes up; all other guarantees hold"
    )
    off = settings.salesforce_stale_guard == "off"
    fix = "set SALESFORCE_STALE_GUARD=auto" if off else f"{DEPLOY}: field, rule and permission set"
    return warn(name, detail, fix)


def _overruling(mapping: RecordMapping, facts: OrgFacts) -> Check:
    rows = mapping.rulebook.active_rows()
    written = {row.sobject for row in rows if not row.is_insert_only}
    deaf = sorted((written & facts.guarded) - taking(facts.describes, OVERRULE_FIELD))
    problem = (
        f"{', '.join(deaf)}: without {OVERRULE_FIELD} the org's stale rule refuses what goes back "
        "on purpose: `reconcile --fix`, `dlq edit`, `orderstream reset`"
    )
    fine = "a repair, a correction and a reset pass the org's stale rule, once each"
    return _unless("salesforce-overruling", deaf, problem, fine)


def _renaming(facts: OrgFacts) -> Check:
    with_customers = {
        name
        for name, shown in facts.describes.items()
        if any(field.get("name") == CUSTOMER_KEY_FIELD for field in shown.get("fields") or ())
    }
    deaf = sorted(with_customers - taking(facts.describes, CUSTOMER_ID_FIELD))
    problem = (
        f"{', '.join(deaf)}: without {CUSTOMER_ID_FIELD} a customer whose e-mail changes gets a "
        "second record"
    )
    return _unless(
        "salesforce-renaming", deaf, problem, "a customer's records follow the customer's e-mail"
    )


def _unless(name: str, deaf: list[str], problem: str, fine: str) -> Check:
    return warn(name, problem, DEPLOY) if deaf else ok(name, fine)


def _budget(settings: SalesforceSettings, facts: OrgFacts) -> Check:
    name = "salesforce-budget"
    if facts.usage is None:
        return skipped(name, "the org does not show its daily limit to this user")
    usage = facts.usage
    share = settings.salesforce_daily_share * usage.limit
    left = max(0.0, min(share, usage.limit - usage.used))
    detail = f"{left:,.0f} of our {share:,.0f} calls are left; the org used {usage.used:,}"
    fix = "find who spends them (Setup > System Overview > API Usage), or buy more calls"
    if left < 1:
        return fail(name, detail, fix)
    return warn(name, detail, fix) if left < LOW_BUDGET * share else ok(name, detail)


def _bulk(settings: SalesforceSettings, facts: OrgFacts) -> Iterator[Check]:
    left = facts.bulk_batches_left
    if left is None or not settings.salesforce_bulk_threshold_events:
        return
    yield judged(
        "salesforce-bulk",
        [] if left else ["the org's Bulk batches of the last 24 hours are used up"],
        f"{left:,} Bulk batches are left of the day",
        "a backlog goes by Composite calls until some are free again; find who starts so many "
        "(Setup > Bulk Data Load Jobs)",
        CheckResult.WARN,
    )
