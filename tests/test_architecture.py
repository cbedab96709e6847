"""Rules of the project that no linter knows, each with its exceptions and their reasons."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
CODE = ("schemas", "stream", "agents", "dashboard", "cli", "sandbox", "chaos")
MAX_LINES = 300

LONG_FILES: dict[str, str] = {}
# Settings are read by pydantic-settings, in stream/config.py; these need something else.
ENVIRONMENT_READERS = {
    "stream/config.py": "the second name of every secret, <NAME>_FILE",
    "stream/ops/metrics.py": "prometheus-client's own variable",
    "stream/ingress/prefork.py": "sets prometheus-client's own variable for its workers",
    "sandbox/broker/tools.py": "the sandbox knows no settings; JAVA_HOME and a given broker",
    "sandbox/broker/jars.py": "where a cache belongs",
    "sandbox/processes.py": "chooses what a child may see",
    "cli/commands/dlq_edit.py": "the person's own editor",
}
# An import inside a function outside cli/ hides no circle (import-linter reads it too): it saves a
# process the start-up time of a library that few of its runs need.
LATE_IMPORTS = {
    "stream/kafka/connection.py": "Faust is the agents' dependency; requests, for tokens alone",
    "stream/ops/tracing.py": "an extra",
    "stream/settings/required.py": "cryptography, for the senders that sign by RSA",
    "sandbox/broker/container.py": "an extra",
}
ENVIRONMENT = re.compile(r"\bos\.(environ|getenv)\b|\bfrom os import .*(environ|getenv)")
TOPIC = re.compile(r"^(magento|salesforce)\.(orders|customers|due|retry|settle|dlq|results|state)")
ANY_TOPIC = re.compile(r"""["'](magento|salesforce)\.""")
PUBLIC_CLASS = re.compile(r"^class ([^_\W]\w*)", re.MULTILINE)
# Put together here, so that this file does not contain them.
FORBIDDEN = [
    re.compile("/" + "work/"),
    re.compile("/" + r"tmp/[a-z]"),
    re.compile(
        r"(files\.pythonhosted|pypi\.org|repo1?\.maven|registry\.npmjs)" + r"\S*", re.IGNORECASE
    ),
]
VAGUE_NAMES = {"utils", "common", "helpers", "manager", "base", "misc", "core", "engine"}


def code_files() -> list[Path]:
    return sorted(path for folder in CODE for path in (ROOT / folder).rglob("*.py"))


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def project_files() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    return [ROOT / line for line in listed.stdout.splitlines() if (ROOT / line).is_file()]


def literals(path: Path) -> Iterator[str]:
    """Yield the string literals of a module that are no docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
        if is_text and id(node) not in docstrings:
            yield node.value


WALL_CLOCK = re.compile(
    r"assert\b.*(monotonic|perf_counter|time)\(\) - \w+\s*<|< .*(monotonic|perf_counter)\(\) - .*<"
)


def test_no_test_fails_because_the_machine_is_busy() -> None:
    """A deadline of a test is a time-out; an upper bound on the clock says nothing of the code."""
    bounds = [
        f"{name_of(path)}:{number}"
        for path in sorted((ROOT / "tests").rglob("*.py"))
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if WALL_CLOCK.search(line)
    ]
    assert bounds == []


def test_topics_are_named_in_one_file() -> None:
    elsewhere = {
        name_of(path)
        for path in code_files()
        if name_of(path) != "stream/topics.py"
        and ANY_TOPIC.search(path.read_text(encoding="utf-8"))  # what has none is not parsed
        and any(TOPIC.match(text) for text in literals(path))
    }
    assert not elsewhere


def test_nobody_reads_settings_past_the_settings() -> None:
    readers = {
        name_of(path)
        for path in code_files()
        if ENVIRONMENT.search(path.read_text(encoding="utf-8"))
    }
    assert readers == set(ENVIRONMENT_READERS)


def test_imports_stand_at_the_top() -> None:
    late = {
        name_of(path)
        for path in code_files()
        if "PLC0415" in path.read_text(encoding="utf-8") and not name_of(path).startswith("cli/")
    }
    assert late == set(LATE_IMPORTS)


def test_no_client_of_ours_follows_a_redirect() -> None:
    """Tokens, orders and keys go to the host that was checked, not where its answer points."""
    following, calls = [], 0
    for path in code_files():
        if name_of(path).startswith(("sandbox/", "chaos/")):
            continue
        text = path.read_text(encoding="utf-8")
        for call in ast.walk(ast.parse(text)) if "async with" in text else ():
            if isinstance(call, ast.AsyncWith) and isinstance(
                made := call.items[0].context_expr, ast.Call
            ):
                verb = made.func.attr if isinstance(made.func, ast.Attribute) else ""
                if verb in ("get", "post", "put", "patch", "delete", "head", "request"):
                    calls += 1
                    given = {word.arg: ast.unparse(word.value) for word in made.keywords}
                    if given.get("allow_redirects") != "False":
                        following.append(f"{name_of(path)}:{made.lineno}")
    assert following == []
    assert calls > 5


def test_no_file_is_too_long_to_read_in_one_sitting() -> None:
    long = {
        name_of(path): lines
        for path in (*code_files(), *sorted((ROOT / "tests").rglob("*.py")))
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > MAX_LINES
        and name_of(path) not in LONG_FILES
    }
    assert not long


def test_every_module_says_what_it_is() -> None:
    silent = [
        name_of(path)
        for path in code_files()
        if not path.read_text(encoding="utf-8").startswith(('"""', 'r"""'))
    ]
    assert not silent


def test_no_file_has_a_name_that_says_nothing() -> None:
    assert not [name_of(path) for path in code_files() if path.stem in VAGUE_NAMES]


def test_no_two_public_classes_of_the_product_share_a_name() -> None:
    """One word, one meaning: who reads a class's name knows which one it is."""
    places: dict[str, list[str]] = {}
    for path in code_files():
        if not name_of(path).startswith(("sandbox", "chaos")):
            for name in PUBLIC_CLASS.findall(path.read_text(encoding="utf-8")):
                places.setdefault(name, []).append(name_of(path))
    assert {name: where for name, where in places.items() if len(where) > 1} == {}


def test_test_files_have_different_names() -> None:
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py")]
    assert sorted(names) == sorted(set(names))


def test_nothing_names_a_place_that_only_one_machine_has() -> None:
    found = []
    for path in project_files():
        if path.suffix in {".png", ".ico", ".woff2", ".lock"} or path == Path(__file__):
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        found += [(name_of(path), match[0]) for rule in FORBIDDEN if (match := rule.search(text))]
    assert not found
