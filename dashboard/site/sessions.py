"""Who is logged in: signed, expiring cookies, and one token per form. Pure.

A password says what one may do (operator or reader), the name given with it who one is; a sign-in
or a trusted proxy says both, and then the name is proved, as actions on record show. The signing
key lives and dies with the process, so a restart ends every session, and so does `end`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum

import orjson

MAX_NAME_CHARACTERS = 60
IDLE_SECONDS = 30 * 60.0  # without a page asked for by a person


class UserRole(StrEnum):
    """What somebody may do: look, or change things and see personal data as well."""

    READER = "reader"
    OPERATOR = "operator"


class Way(StrEnum):
    """How somebody came in."""

    PASSWORD = "password"  # noqa: S105 - the name of a way
    SIGN_IN = "sign-in"
    PROXY = "proxy"


IN_THE_LOG = {
    Way.PASSWORD: "dashboard",
    Way.SIGN_IN: "dashboard, signed in",
    Way.PROXY: "dashboard, by proxy",
}


@dataclass(frozen=True, slots=True)
class Session:
    """One login. `expires_at` is in unix seconds; `nonce` tells the sessions of a person apart."""

    name: str
    role: UserRole
    nonce: str
    expires_at: float
    way: Way = Way.PASSWORD

    @property
    def is_operator(self) -> bool:
        return self.role is UserRole.OPERATOR

    @property
    def who(self) -> str:
        """The name that actions carry in the operator log, and whether it is proved."""
        return f"{self.name} ({IN_THE_LOG[self.way]})"


def role_of(password: str, passwords: Mapping[UserRole, str]) -> UserRole | None:
    """Return the role a password opens; takes the same time for every wrong one."""
    given = password.encode()
    found = None
    for role, right in passwords.items():
        if right and hmac.compare_digest(given, right.encode()):
            found = role
    return found


class Sessions:
    """Makes and reads the cookies. `seconds` is how long a login lasts."""

    def __init__(self, *, seconds: float, key: bytes | None = None) -> None:
        self._seconds = seconds
        self._key = key or secrets.token_bytes(32)
        self._ended: dict[str, float] = {}
        self._used_at: dict[str, float] = {}

    def begin(self, name: str, role: UserRole, *, now: float, way: Way = Way.PASSWORD) -> Session:
        """Start a session of somebody who was let in."""
        nonce = secrets.token_urlsafe(12)
        return Session(name[:MAX_NAME_CHARACTERS], role, nonce, now + self._seconds, way)

    def cookie(self, session: Session) -> str:
        """Return the cookie's value: the session and its signature."""
        body = url_text(orjson.dumps(asdict(session)))
        return f"{body}.{url_text(self._sign(b'session', body))}"

    def read(self, cookie: str, *, now: float, is_use: bool = True) -> Session | None:
        """Return the session of a cookie; None when it is forged, expired, idle or ended.

        `is_use`: a person asked; what a page asks for by itself keeps no session alive.
        """
        body, _, signature = cookie.partition(".")
        if not is_same(signature, url_text(self._sign(b"session", body))):
            return None
        try:
            read = orjson.loads(_bytes(body))
            session = Session(**{**read, "role": UserRole(read["role"]), "way": Way(read["way"])})
        except (binascii.Error, orjson.JSONDecodeError, KeyError, TypeError, ValueError):
            return None
        if not self.is_alive(session, now=now):
            return None
        if is_use or session.nonce not in self._used_at:
            self._used_at[session.nonce] = max(now, self._used_at.get(session.nonce, now))
        return session

    def is_alive(self, session: Session, *, now: float) -> bool:
        """Whether a session is neither over, nor ended, nor idle for too long."""
        idle_seconds = now - self._used_at.get(session.nonce, now)
        is_over = session.expires_at <= now or session.nonce in self._ended
        return not is_over and idle_seconds < IDLE_SECONDS

    def end(self, session: Session, *, now: float) -> None:
        """End a session before its time: its cookie is worth nothing from now on."""
        self._ended = {nonce: at for nonce, at in self._ended.items() if at > now}
        self._ended[session.nonce] = session.expires_at
        self._used_at.pop(session.nonce, None)

    def device(self) -> str:
        """Return a mark for a browser whose password was right: it is counted by itself later."""
        mark = secrets.token_urlsafe(12)
        return f"{mark}.{url_text(self._sign(b'device', mark))}"

    def is_device(self, cookie: str) -> bool:
        mark, _, signature = cookie.partition(".")
        return is_same(signature, url_text(self._sign(b"device", mark)))

    def form_token(self, session: Session, action: str) -> str:
        """Return the token of the form that posts to a path: of no use for another one."""
        return url_text(self._sign(b"form", f"{session.nonce} {action}"))

    def is_form_token(self, token: str, session: Session, action: str) -> bool:
        return is_same(token, self.form_token(session, action))

    def _sign(self, purpose: bytes, text: str) -> bytes:
        return hmac.digest(self._key, purpose + b"\0" + _plain(text), hashlib.sha256)


def is_same(given: str, right: str) -> bool:
    """Compare a stranger's text with a secret one, in the same time for every wrong one."""
    return hmac.compare_digest(_plain(given), _plain(right))


def _plain(text: str) -> bytes:
    return text.encode(errors="replace")  # cookies and queries can hold what is no UTF-8


def url_text(value: bytes) -> str:
    """Return bytes as text for cookies and addresses."""
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
