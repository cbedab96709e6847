"""Who somebody is by another system's word, and what their groups may do. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from dashboard.site.sessions import MAX_NAME_CHARACTERS, UserRole

EVERYBODY = "*"


@dataclass(frozen=True, slots=True)
class ProvedUser:
    """A name and its groups, as a sign-in provider or a trusted proxy says."""

    name: str
    groups: frozenset[str]

    @classmethod
    def of(cls, name: str, groups: Iterable[str]) -> ProvedUser | None:
        """Return the user; None for a name that is none."""
        name = name.strip()
        is_name = name.isprintable() and 0 < len(name) <= MAX_NAME_CHARACTERS
        return cls(name, frozenset(filter(None, map(str.strip, groups)))) if is_name else None


def role_of_groups(
    groups: Collection[str], *, operators: Collection[str], readers: Collection[str]
) -> UserRole | None:
    """Return what members of these groups may do; None: not even look."""
    for role, wanted in ((UserRole.OPERATOR, operators), (UserRole.READER, readers)):
        if EVERYBODY in wanted or not set(wanted).isdisjoint(groups):
            return role
    return None
