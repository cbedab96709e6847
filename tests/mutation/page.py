"""docs/mutation.md, from what was found."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

HEAD = """# Tests of the tests

Would a unit test fail if a line of the pure core were wrong? `make mutants` makes every module of
the core wrong in every small way (mutmut's operators, applied to everything but annotations,
decorators, imports and sentences meant for people), runs those of the module's unit tests that come
to the function on each such mutant, in a fork, and writes this page. What a mutant leaves behind
may not change the next one's answer: the tests run once more without a mutant after every 25.
`make mutants ONLY=version_guard` does one module; a run stops after `MINUTES` and goes on from
there the next time. Which tests a module has, and why a survivor may survive:
`tests/mutation/core.toml`.

Property tests (hypothesis) and the model of versions are not run on mutants: what is killed is
killed by an example that anybody can read. Coverage is of lines and branches, by the same tests.

What no run has come to yet is not tried: nothing is claimed of it.

| module | mutants | killed | survivors | not tried | lines and branches covered |
|---|---|---|---|---|---|
"""


def page(core: dict[str, Any], results: dict[str, Any]) -> str:
    """Return the page; what nobody has explained is said to be so."""
    names = [name for name in core["modules"] if name in results]
    rows = "\n".join(
        _row(name, results[name]) if name in names else f"| `{name}` | | | | all | |"
        for name in core["modules"]
    )
    told = [part for name in names for part in _survivors(name, core, results[name])]
    return f"{HEAD}{rows}\n\n## The survivors\n\n" + "\n".join(told).rstrip() + "\n"


def _row(name: str, found: dict[str, Any]) -> str:
    alive, branches = len(found["survivors"]), found["branches"]
    covered = branches["all"] - len(branches["missed"])
    missed = f" (not: {', '.join(map(str, branches['missed']))})" if branches["missed"] else ""
    killed = found["mutants"] - alive - found["untried"]
    share = f"{covered} of {branches['all']}{missed}"
    cells = (f"`{name}`", found["mutants"], killed, alive, found["untried"], share)
    return f"| {' | '.join(map(str, cells))} |"


def _survivors(name: str, core: dict[str, Any], found: dict[str, Any]) -> Iterator[str]:
    if not found["survivors"]:
        return
    yield f"### {name}\n"
    for mutant in found["survivors"]:
        change = f"`{_code(mutant['was'])}` as `{_code(mutant['became'])}`"
        yield f"* {change}: {_reason(name, core, mutant)}"
    yield ""


def _reason(name: str, core: dict[str, Any], mutant: dict[str, Any]) -> str:
    for entry in core.get("survivors", {}).get(name, ()):
        if entry["was"] in mutant["was"] and entry.get("became", "") in mutant["became"]:
            return str(entry["why"])
    return "**not explained**"


def _code(text: str) -> str:
    return text.replace("`", "'")
