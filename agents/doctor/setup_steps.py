"""The steps from an empty directory to a validated order, as data: for command and dashboard. Pure.

A question's name is its key in a file of answers; one in capitals is the setting that it fills. The
checks are doctor's: what they say of the installation as it is shows which step is still to do.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import get_args

from agents.doctor.check import Check, CheckResult
from stream.settings.kafka import KafkaSettings

# What the app must be, by flow: salesforce/README.md says it with the reasons.
_SCOPES = "OAuth scopes: api; refresh_token, offline_access"
APP_SETTINGS = {
    "jwt": (
        _SCOPES,
        "flow: JWT bearer, with the certificate uploaded; callback URL: any",
        "policy: Admin approved users are pre-authorized, by a permission set of the user",
    ),
    "web": (
        _SCOPES,
        "flow: authorization code, PKCE required",
        "callback URL: http://localhost:1717/OauthRedirect",
    ),
    "client_credentials": (
        "OAuth scope: api",
        "flow: client credentials, run as the user that orderstream acts as; callback URL: any",
    ),
}
YES_NO = ("yes", "no")
MODULE, HMAC, MAGEOS = "module", "hmac", "mageos"
KEY_PATH = ".orderstream/server.key"


@dataclass(frozen=True, slots=True)
class SetupQuestion:
    """What a step must know; asked when `of` (another question) has one of `when` as answer.

    `known_by` names a setting that, where it is set, makes `known_as` the usual answer.
    """

    name: str
    text: str
    default: str = ""
    choices: tuple[str, ...] = ()
    is_secret: bool = False
    of: str = ""
    when: tuple[str, ...] = ()
    known_by: str = ""
    known_as: str = ""

    @property
    def is_setting(self) -> bool:
        """Whether the answer goes into `.env`."""
        return self.name.isupper()

    def is_asked(self, answers: Mapping[str, str]) -> bool:
        """Return whether the answers so far make it necessary."""
        if not self.of:
            return True
        return answers.get(self.of) in self.when and QUESTIONS[self.of].is_asked(answers)


@dataclass(frozen=True, slots=True)
class SetupStep:
    """One step. `makes`: settings that it fills without asking."""

    name: str
    title: str
    why: str
    questions: tuple[SetupQuestion, ...] = ()
    checks: tuple[str, ...] = ()
    makes: tuple[str, ...] = ()


_OWN = ("own",)
_SASL = ("SASL_PLAINTEXT", "SASL_SSL")
_PASSWORD = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
_TOKEN = ("OAUTHBEARER",)

SETUP_STEPS: tuple[SetupStep, ...] = (
    SetupStep(
        "machine",
        "This machine",
        "Python, packages, files and clocks are what the processes need",
        checks=("python-version", "package-versions", "state-directory", "mapping-file"),
    ),
    SetupStep(
        "kafka",
        "Kafka",
        "every accepted event is kept there until it has an outcome",
        (
            SetupQuestion(
                "kafka",
                "Your own Kafka, or one started here to try it?",
                "start",
                ("own", "start"),
                known_by="KAFKA_BOOTSTRAP_SERVERS",
                known_as="own",
            ),
            SetupQuestion("KAFKA_BOOTSTRAP_SERVERS", "host:port of it", of="kafka", when=_OWN),
            SetupQuestion(
                "KAFKA_SECURITY_PROTOCOL",
                "How it is reached",
                "PLAINTEXT",
                ("PLAINTEXT", "SSL", *_SASL),
                of="kafka",
                when=_OWN,
            ),
            SetupQuestion(
                "KAFKA_SASL_MECHANISM",
                "SASL mechanism",
                "PLAIN",
                get_args(KafkaSettings.model_fields["kafka_sasl_mechanism"].annotation),
                of="KAFKA_SECURITY_PROTOCOL",
                when=_SASL,
            ),
            *(
                SetupQuestion(name, text, is_secret=is_secret, of="KAFKA_SASL_MECHANISM", when=when)
                for name, text, is_secret, when in (
                    ("KAFKA_SASL_USERNAME", "SASL user", False, _PASSWORD),
                    ("KAFKA_SASL_PASSWORD", "SASL password", True, _PASSWORD),
                    ("KAFKA_OAUTH_TOKEN_URL", "Token endpoint", False, _TOKEN),
                    ("KAFKA_OAUTH_CLIENT_ID", "Client id", False, _TOKEN),
                    ("KAFKA_OAUTH_CLIENT_SECRET", "Client secret", True, _TOKEN),
                )
            ),
            SetupQuestion(
                "KAFKA_REPLICATION_FACTOR",
                "Copies of every event (3 in production, 1 on a single broker)",
                "3",
                of="kafka",
                when=_OWN,
            ),
        ),
        ("kafka-reachable",),
    ),
    SetupStep(
        "topics",
        "Topics",
        "missing topics are made, nothing is deleted",
        checks=("kafka-topics",),
    ),
    SetupStep(
        "secrets",
        "Secrets of this installation",
        "what operators publish is signed, and the dashboard has a password",
        checks=("secret-strength", "secret-reuse"),
        makes=("OPERATOR_SIGNING_KEY", "DASHBOARD_OPERATOR_PASSWORD"),
    ),
    SetupStep(
        "app",
        "The app that logs in",
        "an External Client App of your org: Setup > External Client App Manager > New",
        (
            SetupQuestion(
                "SALESFORCE_LOGIN_URL",
                "Login address (test.salesforce.com: a sandbox; or your My Domain)",
                "https://login.salesforce.com",
            ),
            SetupQuestion(
                "SALESFORCE_AUTH_FLOW",
                "jwt: a key made here; web: you log in in the browser; or client_credentials",
                "jwt",
                ("jwt", "web", "client_credentials"),
            ),
            SetupQuestion(
                "SALESFORCE_PRIVATE_KEY_PATH",
                "Key file (made when it is not there)",
                KEY_PATH,
                of="SALESFORCE_AUTH_FLOW",
                when=("jwt",),
            ),
        ),
    ),
    SetupStep(
        "login",
        "Login",
        "with the consumer key of that app",
        (
            SetupQuestion("SALESFORCE_CLIENT_ID", "Consumer key", is_secret=True),
            SetupQuestion(
                "SALESFORCE_CLIENT_SECRET",
                "Consumer secret",
                is_secret=True,
                of="SALESFORCE_AUTH_FLOW",
                when=("web", "client_credentials"),
            ),
            SetupQuestion(
                "SALESFORCE_USERNAME",
                "User that orderstream acts as",
                of="SALESFORCE_AUTH_FLOW",
                when=("jwt",),
            ),
        ),
        ("salesforce-login", "salesforce-version", "clock-salesforce"),
    ),
    SetupStep(
        "package",
        "Fields, rule and rights of the org",
        "the external IDs that keep orders single, and the rule that refuses old states",
        (SetupQuestion("deploy", "Deploy what is missing?", "yes", YES_NO),),
        ("salesforce-stale-guard",),
    ),
    SetupStep(
        "mapping",
        "The mapping and the org",
        "every field that is written exists and may be written; what was there before is counted",
        checks=("salesforce-fields",),
    ),
    SetupStep(
        "store",
        "The store's REST API",
        "for backfill, reconcile and events that carry only an id",
        (
            SetupQuestion("store", "Has orderstream access to it?", "yes", YES_NO),
            SetupQuestion(
                "MAGENTO_BASE_URL",
                "Address of the store, e.g. https://shop.example.com",
                of="store",
                when=("yes",),
            ),
            *(
                SetupQuestion(name, text, is_secret=True, of="store", when=("yes",))
                for name, text in (
                    ("MAGENTO_CONSUMER_KEY", "Consumer key (System > Integrations)"),
                    ("MAGENTO_CONSUMER_SECRET", "Consumer secret"),
                    ("MAGENTO_ACCESS_TOKEN", "Access token"),
                    ("MAGENTO_ACCESS_TOKEN_SECRET", "Access token secret"),
                )
            ),
        ),
        ("magento-rest",),
    ),
    SetupStep(
        "sender",
        "What sends",
        "our module, a webhook of yours, or mage-os async events: docs/senders.md",
        (
            SetupQuestion("INGRESS_SENDERS", "Which one?", MODULE, (MODULE, HMAC, MAGEOS)),
            SetupQuestion(
                "ingress_url",
                "The ingress as the store reaches it, e.g. https://hooks.example.com",
                "http://127.0.0.1:8080",
            ),
            SetupQuestion(
                "subscribe",
                "Subscribe its events in the store now?",
                "no",
                YES_NO,
                of="INGRESS_SENDERS",
                when=(MAGEOS,),
            ),
        ),
        makes=("MAGENTO_WEBHOOK_SECRET", "MAGEOS_VERIFICATION_TOKEN"),
    ),
    SetupStep(
        "validate",
        "Seven orders, there and read back",
        "sent, followed to their records, compared field by field, and deleted",
        (SetupQuestion("validate", "Write to this org and delete again?", "yes", YES_NO),),
    ),
)
STEP_NAMES = tuple(step.name for step in SETUP_STEPS)
QUESTIONS = {question.name: question for step in SETUP_STEPS for question in step.questions}


def verdict_of(step: SetupStep, checks: Iterable[Check]) -> Check | None:
    """Return the worst of the checks that prove a step; None when nothing proves it."""
    order = (CheckResult.FAIL, CheckResult.SKIPPED, CheckResult.WARN, CheckResult.OK)
    own = [check for check in checks if check.name in step.checks]
    return min(own, key=lambda check: order.index(check.result)) if own else None
