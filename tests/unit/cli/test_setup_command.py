"""`orderstream setup` without network: its table, its answers, its `.env`, a person at the keys."""

from __future__ import annotations

import re
import stat
from pathlib import Path

import pytest
from dotenv import dotenv_values
from hypothesis import assume, given
from hypothesis import strategies as st
from typer.testing import CliRunner

from agents.doctor.check import fail, ok, skipped
from agents.doctor.setup_steps import APP_SETTINGS, QUESTIONS, SETUP_STEPS, STEP_NAMES, verdict_of
from cli.commands.setup_actions import ACTIONS, MODULE_SETTINGS
from cli.commands.setup_key import make_key
from cli.commands.setup_questions import default_of, read_answers
from cli.console.env_file import EnvFile, quoted
from cli.main import app
from sandbox.processes import PROJECT_DIRECTORY
from sandbox.salesforce.keys import public_pem
from stream.config import Settings, load_settings

runner = CliRunner()
BOMB = "a0: &a0 [x]\n" + "".join(f"a{n + 1}: &a{n + 1} [*a{n}, *a{n}]\n" for n in range(30))


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_every_step_has_its_action_and_the_help_names_all():
    assert tuple(ACTIONS) == STEP_NAMES
    text = " ".join(runner.invoke(app, ["setup", "--help"]).output.replace("│", " ").split())
    assert ", ".join(STEP_NAMES) in text


def test_what_the_app_must_be_is_said_for_every_flow_and_as_the_readme_does():
    readme = (PROJECT_DIRECTORY / "salesforce/README.md").read_text()
    assert set(APP_SETTINGS) == set(QUESTIONS["SALESFORCE_AUTH_FLOW"].choices)
    assert "http://localhost:1717/OauthRedirect" in str(APP_SETTINGS["web"])
    for word in ("http://localhost:1717/OauthRedirect", "Admin approved users are pre-authorized"):
        assert word in readme
        assert word in str(APP_SETTINGS)


def test_every_question_of_the_table_can_be_answered():
    for question in QUESTIONS.values():
        if question.is_setting:
            assert question.name.lower() in Settings.model_fields
            for value in (question.default, *question.choices):
                if value:
                    load_settings(env_file=None, **{question.name.lower(): value})
        if question.of:
            assert question.of in QUESTIONS


@pytest.mark.parametrize(
    ("answers", "asked"),
    [
        ({"kafka": "start", "KAFKA_SECURITY_PROTOCOL": "SASL_SSL"}, set()),
        (
            {"kafka": "own", "KAFKA_SECURITY_PROTOCOL": "SSL", "KAFKA_SASL_MECHANISM": "PLAIN"},
            set(),
        ),
        (
            {
                "kafka": "own",
                "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
                "KAFKA_SASL_MECHANISM": "OAUTHBEARER",
            },
            {
                "KAFKA_SASL_MECHANISM",
                "KAFKA_OAUTH_TOKEN_URL",
                "KAFKA_OAUTH_CLIENT_ID",
                "KAFKA_OAUTH_CLIENT_SECRET",
            },
        ),
        (
            {
                "kafka": "own",
                "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
                "KAFKA_SASL_MECHANISM": "PLAIN",
            },
            {"KAFKA_SASL_MECHANISM", "KAFKA_SASL_USERNAME", "KAFKA_SASL_PASSWORD"},
        ),
    ],
)
def test_only_what_the_answers_so_far_make_necessary_is_asked(answers, asked):
    names = {name for name in QUESTIONS if name.startswith(("KAFKA_SASL", "KAFKA_OAUTH"))}
    assert {name for name in names if QUESTIONS[name].is_asked(answers)} == asked


def test_every_check_that_proves_a_step_is_one_of_doctors():
    source = "".join(
        path.read_text() for path in (PROJECT_DIRECTORY / "agents" / "doctor").glob("*_check*.py")
    )
    for step in SETUP_STEPS:
        for name in step.checks:
            assert f'"{name}"' in source, name


def test_the_worst_check_decides_of_a_step():
    step = next(step for step in SETUP_STEPS if step.name == "login")
    fine, bad = ok("salesforce-version", "v58.0"), fail("salesforce-login", "no", "log in")
    assert verdict_of(step, [fine, bad, fail("kafka-topics", "none", "make them")]) == bad
    assert verdict_of(step, [fine, skipped("salesforce-login", "later")]).result == "skipped"
    assert verdict_of(step, []) is None


def test_the_settings_shown_for_the_module_are_the_modules():
    system = (PROJECT_DIRECTORY / "magento/etc/adminhtml/system.xml").read_text()
    paths = re.findall(r"config:set orderstream/webhook/(\w+)", MODULE_SETTINGS)
    assert len(paths) == 3
    for name in paths:
        assert f'<field id="{name}"' in system
    for label in ("Send orders and customers", "Address", "Secret"):
        assert f"<label>{label}</label>" in system
        assert f"    {label}:" in MODULE_SETTINGS


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=40))
def test_what_is_written_is_what_a_process_reads(value: str):
    assume(not re.fullmatch(r"""\s*(["']).*\1\s*""", value, re.DOTALL))  # refused: `every.py`
    path = Path("quoted.env")
    EnvFile(path).update({"KAFKA_SASL_PASSWORD": value})
    assert (dotenv_values(path)["KAFKA_SASL_PASSWORD"] or "") == value
    read = load_settings(env_file=path).kafka_sasl_password.get_secret_value()
    assert read == value.strip(), "blanks around a setting are nobody's meaning"


def test_a_value_with_a_line_break_never_becomes_two_settings():
    with pytest.raises(ValueError, match="line break"):
        quoted("x\nINGRESS_SENDERS=hmac")


def test_the_env_file_is_its_owners_and_keeps_what_else_is_in_it():
    path = Path(".env")
    path.write_text("# mine\nLOG_LEVEL=debug\nPORT=1\nexport PORT=2\n")
    path.chmod(0o644)
    EnvFile(path).update({"PORT": "3", "KAFKA_TOPIC_PREFIX": "$new"})
    assert path.read_text() == "# mine\nLOG_LEVEL=debug\nPORT=3\nKAFKA_TOPIC_PREFIX='$new'\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_key_is_made_once_and_its_certificate_is_of_the_same_key(tmp_path):
    path = tmp_path / "keys" / "server.key"
    certificate = make_key(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    before = path.read_text()
    assert public_pem(certificate.read_text()) == public_pem(before)
    assert make_key(path) == certificate
    assert path.read_text() == before


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("KAFKA_PARTITIONS: many", "KAFKA_PARTITIONS"),
        ("kafka: maybe", "none of own, start"),
        ("KAFKA_PARTITION: 4", "no question and no setting"),
        ("- kafka", "no list of"),
        ("kafka: [", "answers.yaml"),
        ("kafka: [a]", "expected text"),
        ("kafka: own\nkafka: start", "there twice"),
        ("? [a]\n: b", "must be text"),
        ("kafka: " + "[" * 5_000, "answers.yaml"),
        (BOMB, "aliases"),
        ("#" * 70_000, "is larger than"),
    ],
)
def test_answers_that_are_none_are_named(text, said):
    path = Path("answers.yaml")
    path.write_text(text)
    with pytest.raises(ValueError, match=said):
        read_answers(path)
    result = runner.invoke(app, ["setup", "--answers", str(path)])
    assert result.exit_code == 2
    assert not Path(".env").exists()


def test_yamls_own_yes_and_no_are_answers():
    path = Path("answers.yaml")
    path.write_text("store: no\nvalidate: yes\nMAGENTO_ENRICH: true\n")
    assert read_answers(path) == {"store": "no", "validate": "yes", "MAGENTO_ENRICH": "yes"}
    path.write_text("SALESFORCE_CLIENT_ID: 0012\nMAGENTO_ACCESS_TOKEN: 1_0e5\n")
    assert read_answers(path)["SALESFORCE_CLIENT_ID"] == "0012"  # YAML's number would be ten
    assert read_answers(path)["MAGENTO_ACCESS_TOKEN"] == "1_0e5"


def test_a_person_answers_wrongly_first_then_rightly_and_the_secret_is_not_shown():
    typed = "\nnobody\nmodule\nhttps://hooks.example.com/\n"
    result = runner.invoke(app, ["setup", "--only", "sender"], input=typed)
    assert result.exit_code == 0, result.output
    assert "nobody is none of module, hmac, mageos" in result.output
    assert "Address:                   https://hooks.example.com/magento/webhook" in result.output
    secret = dotenv_values(".env")["MAGENTO_WEBHOOK_SECRET"]
    assert len(secret) == 64
    assert secret not in result.output
    again = runner.invoke(app, ["setup", "--only", "sender"], input="\n\n\n")
    assert again.exit_code == 0, again.output
    assert dotenv_values(".env")["MAGENTO_WEBHOOK_SECRET"] == secret


def test_a_kafka_that_is_given_is_never_replaced_by_one_started_here():
    question = QUESTIONS["kafka"]
    assert default_of(question, load_settings(env_file=None)) == "start"
    given = load_settings(env_file=None, kafka_bootstrap_servers="kafka-1:9092")
    assert default_of(question, given) == "own"


def test_a_folder_that_cannot_be_written_is_a_sentence_and_no_traceback(monkeypatch):
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied", ".env")

    monkeypatch.setattr(EnvFile, "update", refuse)
    result = runner.invoke(app, ["setup", "--only", "sender"], input="\nmodule\n")
    assert result.exit_code == 1
    assert "Permission denied" in result.output


def test_a_step_can_be_skipped_and_the_run_stopped():
    result = runner.invoke(app, ["setup"], input="start\ns\nq\n")
    assert result.exit_code == 130
    assert result.output.count("Enter does it, s skips it, q stops here") == 1  # `start` is no `s`
    assert result.output.count("skipped") == 1
    assert "skipped" in result.output
    assert "goes on here" in result.output
    assert not Path(".env").exists()


def test_a_value_that_the_environment_overrules_is_refused(monkeypatch):
    monkeypatch.setenv("INGRESS_SENDERS", "hmac")
    result = runner.invoke(app, ["setup", "--only", "sender"], input="\nmodule\n")
    assert result.exit_code == 1
    assert "unset INGRESS_SENDERS" in result.output
