"""The whole examination, area by area: local ones first, then, if wished, what the others say.

Nothing here raises for what is wrong with the installation: that is what the checks are for.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from agents.doctor.check import Check, skipped
from agents.doctor.cluster_checks import check_cluster
from agents.doctor.cluster_facts import gather_cluster
from agents.doctor.kafka_checks import check_kafka
from agents.doctor.kafka_facts import gather_kafka
from agents.doctor.machine_checks import check_machine
from agents.doctor.machine_facts import gather_machine
from agents.doctor.org_checks import check_org
from agents.doctor.org_facts import gather_org
from agents.doctor.setting_checks import check_settings, problem_checks
from agents.doctor.store_check import live_check, role_problems, settings_check
from agents.doctor.written_records import last_written
from agents.mapping.mapping import Mapping as RecordMapping
from stream.config import Role, Settings, settings_and_problems
from stream.errors import MappingFileError, SettingsError

LIVE_NEEDED = "not asked: run `orderstream doctor --live`"
WORKS_FOR_SALESFORCE = (Role.WORKER, Role.SALESFORCE)


def settings_in_force(roles: Sequence[Role], *, env_file: Path) -> tuple[Settings, list[str]]:
    """Return the settings and what is wrong with them for the roles.

    Values and files that cannot be used are replaced by defaults, so that the rest can be examined.
    """
    try:
        return settings_and_problems(*roles, env_file=env_file)
    except SettingsError as error:  # the file itself
        settings, problems = settings_and_problems(*roles, env_file=None)
        return settings, [*error.problems, *problems]


async def examine(
    settings: Settings,
    problems: Sequence[str],
    *,
    roles: Sequence[Role],
    env_file: Path | None,
    is_live: bool,
) -> AsyncIterator[list[Check]]:
    """Yield the checks of one area after the other."""
    yield [*problem_checks(problems), *check_settings(settings)]
    yield list(check_machine(gather_machine(settings, env_file=env_file)))
    store = settings_check(settings, role_problems(settings))
    if not is_live:
        yield [store, skipped("kafka-reachable", LIVE_NEEDED)]
        yield [skipped("salesforce-login", LIVE_NEEDED)]
        return
    cluster, facts = await gather_cluster(settings), await gather_kafka(settings)
    least = {
        name: int(topic.config.get("min.insync.replicas") or 1)
        for name, topic in facts.topics.items()
    }
    yield list(check_cluster(cluster, least))
    yield list(check_kafka(settings, facts))
    if any(role in WORKS_FOR_SALESFORCE for role in roles):
        yield await _org(settings)
    yield [await live_check(settings) if store.result == "ok" else store]


async def _org(settings: Settings) -> list[Check]:
    try:
        mapping = RecordMapping.load(settings.mapping_file)
    except MappingFileError:
        return [skipped("salesforce-login", "there is no mapping to compare the org with")]
    facts = await gather_org(settings, mapping, await last_written(settings))
    return list(check_org(settings, mapping, facts))
