"""Refuses to write old records to a topic that would delete them at once."""

from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from streams import admin, topics
from streams.feeds.source import MILLISECOND_NS

FOREVER = -1
RETENTION = "retention.ms"
MARKET_TOPICS = (topics.TRADES.name, topics.QUOTES.name)


class RetentionTooShort(ValueError):
    """The records are older than a topic's retention; Kafka would delete them within minutes."""


async def retentions(brokers: str, prefix: str = "") -> dict[str, int]:
    """`retention.ms` of the market topics as the broker has it; RuntimeError for a topic that does not exist."""
    asked = [ConfigResource(ConfigResourceType.TOPIC, prefix + name) for name in MARKET_TOPICS]
    async with admin.client(brokers) as client:
        responses = await client.describe_configs(asked)
    found: dict[str, int] = {}
    for response in responses:
        for code, message, _, name, entries in response.resources:
            if code:
                raise RuntimeError(f"topic {name}: its configuration cannot be read: {message}")
            found[name] = next(int(entry[1]) for entry in entries if entry[0] == RETENTION)
    return found


def check(oldest_time: int, now: int, found: dict[str, int]) -> None:
    """Raises RetentionTooShort where a topic keeps less than the age of `oldest_time`; both times in ns."""
    age_ms = (now - oldest_time) // MILLISECOND_NS
    for name, kept_ms in found.items():
        if kept_ms != FOREVER and age_ms > kept_ms:
            raise RetentionTooShort(
                f"topic {name} keeps records for {_days(kept_ms)} days by their event time and the first of these is "
                f"{_days(age_ms)} days old: it would be deleted at once. Leave out --keep-times, or set the topic's "
                f"{RETENTION} to -1"
            )


async def refuse_old_records(brokers: str, oldest_time: int, now: int, prefix: str = "") -> None:
    """Asks the broker and raises RetentionTooShort where records of `oldest_time` would not last."""
    check(oldest_time, now, await retentions(brokers, prefix))


def _days(milliseconds: int) -> str:
    return f"{milliseconds / topics.DAY_MS:.1f}"
