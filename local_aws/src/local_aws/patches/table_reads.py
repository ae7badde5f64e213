"""BatchGetItem answers 16 MB at most; what does not fit comes back as UnprocessedKeys.

API reference of BatchGetItem: the keys are in the form of the request, to be asked for again.
"""

from __future__ import annotations

import contextvars
from typing import Any

from ministack.services import dynamodb

from local_aws.patches.rewriting import rewrite

REQUIRED = (
    "ministack.services.dynamodb._batch_get_item",
    "ministack.services.dynamodb._item_size_bytes",
)

Json = dict[str, Any]
MAX_ANSWER_BYTES = 16 * 1024 * 1024

# What the request being served has read; more than the maximum once something did not fit.
_read: contextvars.ContextVar[int] = contextvars.ContextVar("local_aws_read_bytes", default=0)


def apply() -> None:
    rewrite(
        dynamodb,
        "_batch_get_item",
        (
            'item = table["items"].get(pk_val, {}).get(sk_val)',
            'item = _fitting(table["items"].get(pk_val, {}).get(sk_val), key, config, '
            "unprocessed, table_name)",
        ),
        _fitting=fitting,
    )
    batch_get_item = dynamodb._batch_get_item

    def limited(data: Json) -> Any:
        token = _read.set(0)
        try:
            return batch_get_item(data)
        finally:
            _read.reset(token)

    dynamodb._batch_get_item = limited


def fitting(
    item: Json | None, key: Json, config: Json, unprocessed: Json, table_name: str
) -> Json | None:
    """The item, or None when the answer is full: its key is then among the unprocessed."""
    if item is None:
        return None
    read = _read.get()
    if read <= MAX_ANSWER_BYTES:
        read += dynamodb._item_size_bytes(item)
        _read.set(read)
    if read <= MAX_ANSWER_BYTES:
        return item
    unprocessed.setdefault(table_name, {**config, "Keys": []})["Keys"].append(key)
    return None
