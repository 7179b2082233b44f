"""What is known of versions beside their answers: whether they load, how old they are, how long an answer takes."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from api.promotion import timing
from api.registry import versions
from api.registry.aliases import Connection
from models import registry
from models.artefacts import ArtefactMissing
from models.batch import known
from models.gate.conditions import Facts
from models.gate.settings import GateSettings
from models.online.versions import CALIB
from streams.predictions import ModelVersion

_ORDERS = """
    SELECT sent.prediction ->> 'version', count(*), count(*) FILTER (WHERE decisions.outcome = 'rejected')
    FROM (
        SELECT ts, log_partition, log_offset,
            CASE WHEN reason = '' THEN convert_from(value, 'UTF8')::json -> 'prediction' END AS prediction
        FROM orders WHERE ts >= to_timestamp(%(since)s / 1e9)
    ) AS sent
    JOIN decisions ON command_topic = 'orders'
        AND (command_partition, command_offset) = (sent.log_partition, sent.log_offset)
    WHERE decisions.ts >= to_timestamp(%(since)s / 1e9) AND decisions.kind = 'new'
        AND sent.prediction ->> 'model' = %(model)s
    GROUP BY 1
"""


async def gather(
    connection: Connection, model: str, wanted: Iterable[str], clock: int, key: bytes
) -> dict[str, Facts]:
    """The facts of these versions but the time of an answer, which is measured last. clock: event time (ns)."""
    registered = {each.version: each for each in await versions.every(connection, model)}
    mismatches = await _mismatches(connection, registered.values())
    found: dict[str, Facts] = {}
    for name in wanted:
        version = registered.get(name)
        if version is None:
            continue
        found[name] = Facts(
            lane=version.lane,
            refused=await refusal(connection, version, key),
            expired=is_expired(version, clock),
            parity_mismatches=mismatches.get(version.set_hash),
        )
    return found


async def refusal(connection: Connection, version: ModelVersion, key: bytes) -> str:
    """Why a worker would not load this version, "" if it would; its files are hashed again.

    A calibration needs the version that it calibrates.
    """
    if version.version.startswith(CALIB):
        parent = await versions.find(connection, version.model, version.parent)
        return "not registered" if parent is None else await refusal(connection, parent, key)
    try:
        registry.check(
            version,
            set_hash=known.features_of(version.model).hash,
            spec=known.spec_of(version.model).hash,
            formats=[version.format],
            key=key if version.files else b"",
        )
        registry.files(version, _Stored(await _contents(connection, version)))
    except registry.Refused as refused:
        return str(refused)
    return ""


def is_expired(version: ModelVersion, clock: int) -> bool:
    """Whether a batch version was fitted too long ago; an online one says so itself."""
    return bool(
        version.max_age_ns and version.cutoff and clock > version.cutoff + version.max_age_ns
    )


async def with_orders(
    connection: Connection, model: str, known: Mapping[str, Facts], since: int
) -> dict[str, Facts]:
    """The facts with how many orders were sent on what each version served, and refused. since: event time (ns).

    From the history's rows; where no sink writes them there are no orders, and nothing is held against anybody.
    """
    rows = await connection.execute(_ORDERS, {"model": model, "since": since})
    counted = {
        version: (int(orders), int(rejected)) for version, orders, rejected in await rows.fetchall()
    }
    none = (0, 0)
    return {
        version: msgspec.structs.replace(
            facts, orders=counted.get(version, none)[0], rejected=counted.get(version, none)[1]
        )
        for version, facts in known.items()
    }


async def timed(
    connection: Connection,
    version: ModelVersion,
    facts: Facts,
    logged: Sequence[timing.Logged],
    settings: GateSettings,
) -> Facts:
    """The facts with the 99th percentile of an answer, on logged vectors."""
    contents = await _contents(connection, version)
    milliseconds = timing.p99_ms(version, contents, logged, settings.timed_vectors)
    return msgspec.structs.replace(facts, predict_ms=milliseconds)


async def _contents(connection: Connection, version: ModelVersion) -> dict[str, bytes]:
    """The files of a version by their hashes, as far as they are there."""
    wanted = [each.sha256 for each in version.files]
    rows = await connection.execute(
        "SELECT sha256, bytes FROM model_artifacts WHERE sha256 = ANY(%s)", [wanted]
    )
    return {sha256: bytes(content) for sha256, content in await rows.fetchall()}


async def _mismatches(connection: Connection, registered: Iterable[ModelVersion]) -> dict[str, int]:
    """Rows that differed in the last comparison of each feature set."""
    wanted = sorted({version.set_hash for version in registered})
    rows = await connection.execute(
        "SELECT DISTINCT ON (set_hash) set_hash, mismatches FROM parity_checks "
        "WHERE set_hash = ANY(%s) ORDER BY set_hash, check_id DESC",
        [wanted],
    )
    return {set_hash: int(mismatches) for set_hash, mismatches in await rows.fetchall()}


class _Stored:
    """Files that were read already; who asks hashes them."""

    def __init__(self, contents: dict[str, bytes]) -> None:
        self._contents = contents

    def get(self, sha256: str) -> bytes:
        try:
            content = self._contents[sha256]
        except KeyError as error:
            raise ArtefactMissing(sha256) from error
        return content
