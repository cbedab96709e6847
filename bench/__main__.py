"""All benchmarks, one after the other: docs/benchmarks.md and docs/benchmarks.json.

    python -m bench [--minutes 10] [--orders 1000000] [--only ingress] [--brief]
    python -m bench --older    # which figures are older than their code; exit 1 if any
    python -m bench --page     # write docs/benchmarks.md again from the figures

Each runs in a process of its own. One that fails leaves a line that says so, and the others go on.
With `--only` the parts that are not measured anew stay as they were.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson

from bench.age import MEASURED, changed_since, older_parts, sentence
from bench.conditions import conditions, load_average
from bench.figures import Section, markdown, section_of

DOCS = Path(__file__).resolve().parent.parent / "docs"
PAGE, DATA = DOCS / "benchmarks.md", DOCS / "benchmarks.json"
INTRODUCTION = (
    "Written by `make bench`; one part of it: `python -m bench --only ingress`. Medians of several "
    "runs with the lowest and the highest, and date, commit, load average and the speed of a core "
    "of each part. A load above the number of cores says that the machine did something else as "
    "well. Additions are what one loop of this Python makes in a second: on a virtual machine a "
    "core is not always the same, and times of two days compare by it only; the shares of servers "
    "measured in turn still hold. What was found by profiling, and what was done about it: "
    "[performance](decisions/0014-performance.md)."
)
BRIEF = {
    "ingress": ("--seconds", "2", "--runs", "3"),
    "end_to_end": ("--seconds", "8", "--runs", "1", "--rung-seconds", "8"),
    "stages": ("--runs", "3"),
    "scaling": ("--runs", "1", "--long", "20000"),
    "state": ("--orders", "100000"),
    "salesforce": ("--orders", "4000", "--runs", "1"),
    "org_latency": ("--quick", "--seconds", "8", "--runs", "1"),
    "slow_neighbours": ("--seconds", "8", "--runs", "1"),
    "against_blueprint": ("--seconds", "20"),
    "operators": ("--events", "50000", "--runs", "1"),
    "replay_beside_live": ("--seconds", "8", "--runs", "1"),
    "backfill": ("--orders", "5000"),
    "dashboard": ("--letters", "10000", "--results", "100000"),
}


def measured(name: str, arguments: list[str]) -> Section:
    """Run one benchmark and return its section; a failed one says why."""
    command = [sys.executable, "-m", f"bench.{name}", "--json", *arguments]
    done = subprocess.run(  # noqa: S603 - the command is ours
        command, stdout=subprocess.PIPE, text=True, check=False, cwd=DOCS.parent
    )
    lines = done.stdout.splitlines()
    if done.returncode == 0 and lines:
        return section_of(orjson.loads(lines[-1]))
    section = Section(name, name.replace("_", " ").capitalize(), "Not measured.")
    section.remarks.append(f"The run ended with exit code {done.returncode}.")
    return section


def page(sections: list[dict[str, Any]], about: dict[str, Any]) -> str:
    """Return docs/benchmarks.md."""
    words = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in about.items())
    head = [
        "# Benchmarks",
        "",
        INTRODUCTION,
        "",
        sentence(older_parts(sections, changed_since)),
        "",
        f"Conditions: {words}.",
        "",
    ]

    parts = [markdown(section_of(section)) for section in sections]
    return "\n".join([*head, *parts]).rstrip() + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=1.0, help="length of the sustained load")
    parser.add_argument("--orders", type=int, help="how many orders are backfilled")
    parser.add_argument("--only", action="append", choices=MEASURED, help="measure this part")
    parser.add_argument("--brief", action="store_true", help="a quarter of an hour for all")
    parser.add_argument("--older", action="store_true", help="name what is older than its code")
    parser.add_argument("--page", action="store_true", help="write the page again")
    options = parser.parse_args()
    about = conditions()
    before = orjson.loads(DATA.read_bytes()) if DATA.exists() else {"sections": []}
    if options.older:
        older = older_parts(before["sections"], changed_since)
        print(sentence(older))
        return 1 if older else 0
    if options.page:
        PAGE.write_text(page(before["sections"], before["conditions"]), encoding="utf-8")
        return 0
    return _measure(options, about, {section["name"]: section for section in before["sections"]})


def _measure(
    options: argparse.Namespace, about: dict[str, Any], kept: dict[str, dict[str, Any]]
) -> int:
    for name in options.only or MEASURED:
        print(f"{name} (load average {load_average()})", file=sys.stderr)
        arguments = list(BRIEF.get(name, ())) if options.brief else []
        if name == "end_to_end":
            arguments += ["--minutes", str(options.minutes)]
        if name == "backfill" and options.orders:
            arguments += ["--orders", str(options.orders)]
        kept[name] = measured(name, arguments).as_json()
        sections = [kept[part] for part in MEASURED if part in kept]
        DATA.write_bytes(
            orjson.dumps({"conditions": about, "sections": sections}, option=orjson.OPT_INDENT_2)
        )
        PAGE.write_text(page(sections, about), encoding="utf-8")
        print(markdown(section_of(kept[name])))
    missed = [
        f"{section['title']}: {figure['what']}"
        for section in kept.values()
        for figure in section["figures"]
        if figure["is_met"] is False
    ]
    print("\n".join(["missed:", *missed]) if missed else "every target is met")
    return 0


if __name__ == "__main__":
    sys.exit(main())
