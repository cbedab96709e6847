"""The one exception tree of orderstream.

    StreamError
      SettingsError       settings are missing or wrong; names all of them       → exit 2
      MappingFileError    mapping.yaml is wrong: file, line or path, fix         → exit 2
      SignatureError      the webhook is not from Magento                        → 401 or 400
      PublishError        Kafka did not acknowledge                              → 503; block, log
      BrokerError         Kafka cannot be read, or a topic is missing            → exit 2
        NoLeaderError     partitions without a leader                            → exit 2; wait
        NotKnownError     what is looked for may be where nobody answers         → exit 3; again
        LogCutError       a log went back while it was read                      → exit 2; again
      MagentoError        the store's REST API says no, or nothing               → exit 2; wait
      JobError            a requeue or replay cannot be found or resumed         → exit 2
      MappingError        this document cannot become a record                   → dead letter
      SalesforceError     Salesforce said no, or nothing (agents.salesforce.errors.errors)
      FrozenError         this process slept past its session, others own its partitions
        FencedError       the group goes on without this process, or may by now
    schemas.codec.DecodeError is a ValueError: the bytes are no event            → 400, dead letter

In Faust an exception that leaves the agent is an acked, lost message. So inside `agents` these are
raised only below `handler`, which turns every one of them into an outcome.
"""

from __future__ import annotations

from typing import ClassVar


class StreamError(Exception):
    """Root of the tree; the message is written for the person who reads it at 03:00."""

    exit_code: ClassVar[int] = 2


class SettingsError(StreamError):
    """Settings are missing or wrong. `problems` has one line per setting."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("\n".join(["settings are not usable:", *(f"  {p}" for p in problems)]))


class MappingFileError(StreamError):
    """The mapping file is wrong; the message names file, place and fix."""


class SignatureError(StreamError):
    """A webhook's signature is missing, wrong or of an unknown kind.

    `status` is 400 or 401; `reason` is the short label metrics and logs use.
    """

    def __init__(self, message: str, *, status: int, reason: str = "signature_wrong") -> None:
        self.status = status
        self.reason = reason
        super().__init__(message)


class PublishError(StreamError):
    """Kafka did not acknowledge a record within the deadline; it may or may not be there."""

    def __init__(self, message: str, *, is_too_large: bool = False) -> None:
        self.is_too_large = is_too_large
        super().__init__(message)


class BrokerError(StreamError):
    """Kafka cannot be read: away, a topic is missing, or a bounded read made no progress."""


class NoLeaderError(BrokerError):
    """Partitions have no leader: nobody can read or write them. `partitions` names them.

    `why`: another reason for which nobody can read them.
    """

    def __init__(self, partitions: list[tuple[str, int]], why: str = "") -> None:
        self.partitions = partitions
        names = ", ".join(f"{topic}-{number}" for topic, number in partitions)
        super().__init__(
            why
            or f"no leader for {names}: the brokers that hold it are down, or none of them is in "
            "sync. Bring them back (`orderstream doctor --live` names them); other partitions go on"
        )


class NotKnownError(BrokerError):
    """What is looked for was not found, and may be in a partition that does not answer."""

    exit_code = 3


class LogCutError(BrokerError):
    """A log went back while it was read: what was waited for will never come."""


class TopicAdminError(StreamError):
    """Kafka cannot be reached, or refuses to list, create or change topics."""


class MagentoError(StreamError):
    """The store's REST API refused a call or did not answer; the message says what to do there.

    `status` is HTTP's, 0 without an answer. `is_lasting`: the same call will fail again until a
    person changes something. `most_rows`: of a page, when more were asked for.
    """

    def __init__(
        self, message: str, *, status: int = 0, is_lasting: bool = False, most_rows: int = 0
    ) -> None:
        self.status = status
        self.is_lasting = is_lasting
        self.most_rows = most_rows
        super().__init__(message)


class JobError(StreamError):
    """A requeue or a replay cannot be found, or cannot be resumed; the message says why."""


class MappingError(StreamError):
    """A document cannot be mapped. `fields` names the source paths or target fields at fault."""

    def __init__(self, message: str, *, fields: tuple[str, ...] = ()) -> None:
        self.fields = fields
        super().__init__(message)


class FrozenError(StreamError):
    """The process was frozen longer than its group session: someone else owns its partitions."""


class FencedError(FrozenError):
    """The group goes on without this process, or may by now: others own its partitions."""
