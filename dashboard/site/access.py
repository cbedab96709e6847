"""Who may ask for what: one line per route. A route without a line is refused to everybody.

Looking is for every login, changing and personal data for operators; machines and the login itself
need none.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Access(StrEnum):
    """What a route needs."""

    OPEN = "no login"
    READER = "a login"
    OPERATOR = "an operator's login"
    NOBODY = "a policy that nobody has written"


_OPEN = """
    GET /login  POST /login  GET /login/start  GET /login/callback
    GET /livez  GET /readyz  GET /metrics  GET /static/{digest}/{name}
"""
_READER = """
    GET /  GET /part/overview  GET /lag  GET /part/lag  GET /letters  GET /letters/{id}
    GET /letters/drop  GET /drafts/{id}  GET /part/drafts/{id}  GET /jobs  GET /jobs/{id}
    GET /part/jobs/{id}  GET /replay  GET /trace  GET /tail  GET /tail/stream  POST /logout
    POST /letters/find  POST /trace
    GET /health  GET /part/health  GET /mapping  GET /part/mapping
"""
_OPERATOR = """
    POST /letters/requeue  POST /letters/drop  POST /letters/{id}/unmask  POST /letters/{id}/open
    POST /letters/{id}/edit  POST /drafts/{id}/run  POST /jobs/{id}/stop  POST /jobs/{id}/resume
    POST /replay  POST /letters/release  POST /mapping/try
"""


def _routes(lines: str, access: Access) -> dict[str, Access]:
    words = lines.split()
    return {
        f"{method} {path}": access for method, path in zip(words[::2], words[1::2], strict=True)
    }


POLICY: Mapping[str, Access] = {
    **_routes(_OPEN, Access.OPEN),
    **_routes(_READER, Access.READER),
    **_routes(_OPERATOR, Access.OPERATOR),
}


def access_of(method: str, route: str) -> Access:
    """Return what a request needs; `route` is '' for an address that is none."""
    if not route:
        return Access.READER  # who is not logged in does not learn which addresses there are
    return POLICY.get(f"{'GET' if method == 'HEAD' else method} {route}", Access.NOBODY)
