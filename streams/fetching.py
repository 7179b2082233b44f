"""Hands on a fetched response whole, batch by batch, as the parser made its records.

aiokafka copies every record into an object of twelve fields, one call each; for a consumer marked with `hand_on` that
is left out. What is kept: skipped control and aborted batches, offsets before the position, checksums.
"""

from typing import Any

from aiokafka.consumer import fetcher
from aiokafka.consumer.fetcher import READ_COMMITTED, FetchResult
from aiokafka.errors import CorruptRecordException


def hand_on(key: bytes | None) -> bytes | None:
    """As a key deserializer: marks a consumer whose records are (offset, timestamp, key, value, headers) alone."""
    return key


def take_all(source: Any) -> list[Any]:
    """All records that a partition's response still holds; moves its `next_fetch_offset` past them."""
    taken: list[Any] = []
    responses = source._records
    while responses.has_next():
        batch = responses.next_batch()
        if source._check_crcs and not batch.validate_crc():
            raise CorruptRecordException(f"Invalid CRC - {source._tp}")
        if not _is_skipped(source, batch):
            records = list(batch)
            if records and records[0].offset < source.next_fetch_offset:
                records = [r for r in records if r.offset >= source.next_fetch_offset]
            taken += records
        source.next_fetch_offset = batch.next_offset
    return taken


def _is_skipped(source: Any, batch: Any) -> bool:
    """Control batches, and in read_committed those of an aborted transaction."""
    if source._isolation_level == READ_COMMITTED and batch.producer_id is not None:
        source._consume_aborted_up_to(batch.base_offset)
        if batch.is_control_batch and source._contains_abort_marker(batch):
            source._aborted_producers.discard(batch.producer_id)
        if batch.is_transactional and batch.producer_id in source._aborted_producers:
            return True
    return bool(batch.is_control_batch)


def _getall(self: FetchResult, max_records: int | None = None) -> list[Any]:
    source = self._partition_records
    if max_records is not None or source is None or source._key_deserializer is not hand_on:
        return _original(self, max_records)  # type: ignore[no-any-return]
    if not self.check_assignment(self._topic_partition):
        return []
    taken = take_all(source)
    self._update_position()
    self._partition_records = None
    return taken


_original = FetchResult.getall
fetcher.FetchResult.getall = _getall
