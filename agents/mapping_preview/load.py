"""What previews need: the mapping with the org's schema, and the org's records to compare with."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import closing, suppress

from agents.mapping.mapping import Mapping
from agents.mapping_preview.describe import describe_org
from agents.mapping_preview.predict import EventChange, Prediction, compare, predict
from agents.salesforce.api.wiring import build_client
from schemas.event import Envelope
from stream.config import Settings
from stream.dlq.index import read_letter
from stream.dlq.open_letters import DeadLetter
from stream.errors import JobError, StreamError
from stream.kafka.log.range_reader import RangeReader
from stream.ops.alerts import Alerts

Tell = Callable[[str], None]


async def load_mapping(settings: Settings, *, tell: Tell) -> Mapping:
    """Return the mapping, refined by the org's describe where its settings are there and work.

    `tell` is given what could not be checked. Raises MappingFileError.
    """
    mapping = Mapping.load(settings.mapping_file)
    if not settings.salesforce_client_id.get_secret_value():
        tell("no Salesforce settings: the org's own types and picklists are not checked")
        return mapping
    try:
        return mapping.refined(await describe_org(settings, mapping.sobjects))
    except StreamError as error:
        tell(f"the org cannot be asked for its schema: {error}")
        return mapping


async def predict_letters(
    settings: Settings, reader: RangeReader, mapping: Mapping, letters: Iterable[DeadLetter]
) -> list[Prediction]:
    """Return the forecasts for dead letters; what retention has taken meanwhile is left out."""
    predictions = []
    for letter in letters:
        with suppress(JobError):
            envelope = await read_letter(settings, reader, letter)
            predictions.append(predict(mapping, envelope, identity=settings.identity))
    return predictions


async def compare_events(
    settings: Settings, envelopes: Sequence[Envelope], *, tell: Tell
) -> list[EventChange]:
    """Return what writing the events would change; nothing without a reachable org."""
    if not envelopes or not settings.salesforce_client_id.get_secret_value():
        if envelopes:
            tell("no Salesforce settings: what would change cannot be shown")
        return []
    mapping = await load_mapping(settings, tell=tell)
    changes: list[EventChange] = []
    try:
        with closing(build_client(settings, alerts=Alerts())) as client:
            for envelope in envelopes:
                identity = settings.identity
                changes.append(await compare(mapping, client, envelope, identity=identity))
    except StreamError as error:
        tell(f"the org cannot be asked for its records: {error}")
    return changes
