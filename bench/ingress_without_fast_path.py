"""`orderstream ingress` whose requests all take the handler: what the fast path is compared with.

python -m bench.ingress_without_fast_path --port 8080
"""

from __future__ import annotations

from typing import Any

from cli.main import run
from stream.ingress import handler


def _no_fast_path(*_arguments: Any, **_options: Any) -> None:
    """Stand in for `FastPath`: a handler without one offers no request to it."""


if __name__ == "__main__":
    handler.FastPath = _no_fast_path  # type: ignore[assignment,attr-defined] # the program's point
    run()
