"""Which dead letters are open: one per event and job, whatever was read twice.

A letter's place in its topic is no identity: an event whose log went back is read, and dies, again.
What a letter is about is its event and the job that sent it there (none, for a live one). An event
keeps its partition, and what nobody vouches for is no event's: else a record under the id of
somebody's letter would hide that letter, and be dropped in its place. So:

| a letter of the same event and job | what follows |
|---|---|
| is open | the new one takes its place |
| was resolved by a person | the new one is resolved, too: what was dropped stays dropped |
| belongs to another job (requeued, replayed) | a matter of its own: it is open |
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from schemas.operator_signature import UNTRUSTED

Place = tuple[int, int]
Matter = tuple[str, str, int, bool]


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One open dead letter without its payload. Times are unix milliseconds."""

    partition: int
    offset: int
    at_ms: int
    event_id: str
    event: str
    kind: str
    key: str
    store: str
    origin: tuple[str, int, int]
    attempt: int
    error_kind: str
    code: str
    field: str
    message: str
    mapping_version: str
    size: int
    status: int = 0
    rule: str = ""
    job_id: str = ""

    @property
    def id(self) -> str:
        """The name a person uses: `<partition>-<offset>`."""
        return f"{self.partition}-{self.offset}"


class OpenLetters(dict[Place, DeadLetter]):
    """Open letters by (partition, offset); marks may name any letter of a matter."""

    def __init__(self) -> None:
        super().__init__()
        self._matters: dict[Place, Matter] = {}
        self._places: dict[Matter, Place] = {}
        self._resolved: dict[Matter, Place] = {}

    def note(self, letter: DeadLetter) -> None:
        """Take in a letter that was read."""
        place, matter = (letter.partition, letter.offset), _matter_of(letter)
        self._matters[place] = matter
        if matter in self._resolved:
            self._resolved[matter] = place
            return
        self.pop(self._places.get(matter, place), None)
        self._places[matter] = place
        self[place] = letter

    def resolve(self, partition: int, offsets: Iterable[int]) -> None:
        """Take in a mark that was read."""
        for offset in offsets:
            place = (partition, offset)
            matter = self._matters.get(place)
            if matter is None:
                continue
            self.pop(self._places.pop(matter, place), None)
            self._resolved[matter] = max(place, self._resolved.get(matter, place))

    def forget_before(self, starts: Mapping[int, int]) -> None:
        """Forget what retention has deleted."""
        for place in [at for at in self._matters if at[1] < starts.get(at[0], 0)]:
            matter = self._matters.pop(place)
            self.pop(place, None)
            if self._places.get(matter) == place:
                del self._places[matter]
            if self._resolved.get(matter) == place:
                del self._resolved[matter]


def _matter_of(letter: DeadLetter) -> Matter:
    return letter.event_id, letter.job_id, letter.partition, letter.code == UNTRUSTED
