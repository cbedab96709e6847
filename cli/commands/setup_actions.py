"""What each step of `orderstream setup` does: the commands' own functions, one after the other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING

from agents.doctor.check import Check, CheckResult
from agents.doctor.setup_steps import APP_SETTINGS, HMAC, MAGEOS, MODULE, SETUP_STEPS
from cli.commands.setup_installation import Installation, SetupError
from cli.console.terminal import run_async
from stream.config import Role, secret_problems
from stream.magento.subscriptions import DEFAULT_EVENTS, subscribe, subscriptions_for

if TYPE_CHECKING:
    from agents.mapping.mapping import Mapping

# Settings > Orderstream > Webhook in the store's admin, and the same for bin/magento config:set.
MODULE_SETTINGS = """In the store's admin, Stores > Configuration > Orderstream > Webhook:
    Send orders and customers: Yes
    Address:                   {url}
    Secret:                    MAGENTO_WEBHOOK_SECRET of {env}
or in the store's folder:
    bin/magento config:set orderstream/webhook/url {url}
    bin/magento config:set orderstream/webhook/secret '<the secret>'
    bin/magento config:set orderstream/webhook/enabled 1"""
SECRET_BYTES = 32
WORDS = {CheckResult.WARN: "will hurt: ", CheckResult.SKIPPED: "not asked: "}
HMAC_SETTINGS = """Your webhook posts to {url} with the header
    X-Magento-Signature: sha256=<hex HMAC-SHA256 of the body>
and as key MAGENTO_WEBHOOK_SECRET of {env}"""


def machine(place: Installation) -> None:
    """Judge versions and files as doctor does."""
    from agents.doctor.machine_checks import check_machine
    from agents.doctor.machine_facts import gather_machine

    facts = gather_machine(place.settings(), env_file=place.env_file.path)
    _say(place, list(check_machine(facts)))


def kafka(place: Installation) -> None:
    """Ask the cluster, or start one here that goes on when this command has ended."""
    from agents.doctor.kafka_checks import check_kafka
    from agents.doctor.kafka_facts import gather_kafka
    from cli.commands.setup_kafka import start_kafka

    if place.answers.get("kafka") == "start":
        place.set(KAFKA_BOOTSTRAP_SERVERS=start_kafka(place), KAFKA_REPLICATION_FACTOR="1")
    settings = place.settings(Role.OPERATOR)
    facts = run_async(gather_kafka(settings))
    reached = [c for c in check_kafka(settings, facts) if c.name == "kafka-reachable"]
    _say(place, reached)


def topics(place: Installation) -> None:
    """Make the topics that are missing."""
    from cli.commands.topics import apply_topics

    plans = run_async(apply_topics(place.settings(Role.OPERATOR)))
    problems = [f"{plan.name}: {text}" for plan in plans for text in plan.problems]
    if problems:
        raise SetupError("a person must decide: " + "; ".join(problems))
    changed = sum(plan.action.value != "ok" for plan in plans)
    place.tell(f"{len(plans)} topics are there, {changed} of them were made or changed now")


def secrets(place: Installation) -> None:
    """Make what this installation needs of its own and nobody else has to know."""
    own = next(step.makes for step in SETUP_STEPS if step.name == "secrets")
    made = [name for name in own if not _plain(place, name)]
    if made:
        place.set(**{name: token_hex(SECRET_BYTES) for name in made})
    for name in own:
        place.tell(f"{name}: {'made' if name in made else 'there'}, in {place.env_file.path}")


def app(place: Installation) -> None:
    """Make the key of the JWT flow where there is none; say what the app needs."""
    from cli.commands.setup_key import make_key

    settings = place.settings()
    if settings.salesforce_auth_flow == "jwt":
        assert settings.salesforce_private_key_path is not None
        path = (place.directory / settings.salesforce_private_key_path).resolve()
        place.own_directory.mkdir(exist_ok=True)
        certificate = make_key(path)
        place.set(SALESFORCE_PRIVATE_KEY_PATH=str(path))
        place.tell(f"key: {path}, for its owner only")
        if certificate:
            place.tell(f"certificate, to be uploaded into the app: {certificate}")
    place.tell("\n".join(("the app:", *APP_SETTINGS[settings.salesforce_auth_flow])))


def login(place: Installation) -> None:
    """Log in; with the web flow a person consents first."""
    from agents.doctor.org_checks import check_org
    from agents.doctor.org_facts import gather_org
    from cli.commands.login import DEFAULT_PORT, WAIT_SECONDS, log_in

    settings = place.settings(Role.SALESFORCE)
    if settings.salesforce_auth_flow == "web" and not _has_token(
        settings.salesforce_refresh_token_path
    ):
        log_in(settings, DEFAULT_PORT, is_opened=True, wait_seconds=WAIT_SECONDS)
    mapping = _mapping(place)
    checks = list(check_org(settings, mapping, run_async(gather_org(settings, mapping))))
    names = ("salesforce-login", "salesforce-version", "clock-salesforce")
    _say(place, [check for check in checks if check.name in names])


def _has_token(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > 0


def package(place: Installation) -> None:
    """Compare the org with the metadata package; deploy it when wished."""
    from agents.reconcile.org_package import ComponentAction
    from cli.commands.org import apply_package, package_of, plan_package

    settings, components = package_of(None, place.settings(Role.SALESFORCE))
    plans = run_async(plan_package(settings, components))
    blocked = [
        f"{item.name}: {item.detail}" for item in plans if item.action is ComponentAction.BLOCKED
    ]
    if blocked:
        raise SetupError("a person must decide: " + "; ".join(blocked))
    todo = [item for item in plans if item.action is not ComponentAction.OK]
    place.tell(f"{len(plans)} components, {len(todo)} of them to deploy")
    if not todo:
        return
    if place.answers.get("deploy") != "yes":
        place.tell("left as it is; `orderstream org apply` deploys them")
        return
    _, assigned = run_async(apply_package(settings, components, is_check_only=False))
    place.tell("deployed" + "".join(f"; permission set {name} assigned" for name in assigned))


def mapping(place: Installation) -> None:
    """Hold the mapping against the org; count what was there before."""
    from agents.delivery.adoption import adoption_rules
    from agents.mapping.org_features import check_fit
    from agents.mapping.schema_check import Severity
    from agents.mapping_preview.describe import ask_org
    from cli.commands.adopt import adopt_by

    settings, rules = place.settings(Role.SALESFORCE), _mapping(place)
    findings = check_fit(rules, *run_async(ask_org(settings, rules.sobjects)))
    for finding in findings:
        where = f"{finding.sobject}.{finding.field}" if finding.field else finding.sobject
        place.tell(f"{finding.severity.value} {where}: {finding.problem}; {finding.fix}")
    if any(finding.severity is Severity.ERROR for finding in findings):
        raise SetupError("the org refuses what the mapping writes; `orderstream map --check` again")
    place.tell(f"{', '.join(rules.sobjects)}: every field that is written is there")
    if not adoption_rules(rules):
        place.tell("no `adopt:` rule: records that were there before are left alone")
        return
    plan, _ = run_async(adopt_by(settings, rules, None, is_dry=True))
    place.tell(
        f"{plan.records} records with an e-mail were there before, {len(plan.updates)} would get "
        "their key: `orderstream adopt` gives it (docs/onboarding.md)"
    )


def store(place: Installation) -> None:
    """Ask the store's REST API for one order and one customer."""
    from agents.doctor.store_check import live_check

    if place.answers.get("store") == "no":
        place.tell("no access: no backfill, no reconcile; events must carry whole orders")
        return
    _say(place, [run_async(live_check(place.settings(Role.MAGENTO)))])


def sender(place: Installation) -> None:
    """Make the secret; show what the store must be told, or tell it."""
    settings = place.settings()
    chosen = place.answers.get("INGRESS_SENDERS", settings.ingress_senders)
    name = "MAGEOS_VERIFICATION_TOKEN" if chosen == MAGEOS else "MAGENTO_WEBHOOK_SECRET"
    if not _plain(place, name):
        place.set(**{name: token_hex(SECRET_BYTES)})
        place.tell(f"{name}: made, it is in {place.env_file.path}")
    if problems := secret_problems(name, (_plain(place, name),)):
        raise SetupError("; ".join(problems))
    root = place.answers["ingress_url"].rstrip("/")
    texts = {MODULE: MODULE_SETTINGS, HMAC: HMAC_SETTINGS}
    if chosen in texts:
        url = f"{root}/magento/webhook"
        place.tell(texts[chosen].format(url=url, env=place.env_file.path))
    elif place.answers.get("subscribe") == "yes":
        _subscribe(place, root)
    else:
        place.tell(f"orderstream magento subscribe {root}")


def _plain(place: Installation, name: str) -> str:
    value: str = getattr(place.settings(), name.lower()).get_secret_value()
    return value


def _subscribe(place: Installation, root: str) -> None:
    async def work() -> int:
        wanted = subscriptions_for(root, DEFAULT_EVENTS)
        settings = place.settings(Role.MAGENTO)
        return len([item async for item in subscribe(settings, wanted)])

    place.tell(f"{run_async(work())} events subscribed in the store")


def validate(place: Installation) -> None:
    """Run the processes for as long as seven orders take."""
    from cli.commands.setup_validation import validate_installation

    if place.answers.get("validate") == "no":
        place.tell("left out; `orderstream validate --webhook-url …` does it later")
        return
    report = run_async(validate_installation(place))
    if not report["is_good"]:
        raise SetupError("what was sent and what Salesforce has differ: see above")
    place.tell(f"{len(report['steps'])} orders went the whole way and were deleted again")


def _mapping(place: Installation) -> Mapping:
    from agents.mapping.mapping import Mapping

    return Mapping.load(place.settings().mapping_file)


def _say(place: Installation, checks: list[Check]) -> None:
    """Say what doctor found. Raises SetupError when something does not work."""
    failed = [check for check in checks if check.result is CheckResult.FAIL]
    for check in checks:
        if check in failed or (failed and check.result is CheckResult.SKIPPED):
            continue  # said below; what hangs on it needs no word
        fix = f"; {check.fix}" if check.fix else ""
        place.tell(f"{check.name}: {WORDS.get(check.result, '')}{check.detail}{fix}")
    if failed:
        raise SetupError("; ".join(f"{c.name}: {c.detail}; {c.fix}" for c in failed))


ACTIONS: dict[str, Callable[[Installation], None]] = {
    action.__name__: action
    for action in (
        *(machine, kafka, topics, secrets, app, login, package, mapping, store, sender),
        validate,
    )
}
