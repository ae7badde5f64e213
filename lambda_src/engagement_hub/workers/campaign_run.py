"""The steps of a campaign run, in the order in which the state machine asks for them.

| Step | File |
|---|---|
| OpenRun | `campaign_open.py` |
| BuildAudience, BuildShard, SealAudience | `campaign_audience.py` |
| SendChunk, ChunkFailed | `campaign_send.py`; one chunk: `send_chunk.py`, `chunk_outcomes.py` |
| CloseRun, FailRun | `campaign_close.py` |

A run is `<campaign>-<number>`. Every step may run twice.
"""

from __future__ import annotations

from engagement_hub.workers.campaign_audience import build_audience, build_shard, seal_audience
from engagement_hub.workers.campaign_close import close_run, fail_run
from engagement_hub.workers.campaign_open import open_run
from engagement_hub.workers.campaign_send import chunk_failed, send_chunk

__all__ = [
    "STEPS",
    "build_audience",
    "build_shard",
    "chunk_failed",
    "close_run",
    "fail_run",
    "open_run",
    "seal_audience",
    "send_chunk",
]

STEPS = {
    "OpenRun": open_run,
    "BuildAudience": build_audience,
    "BuildShard": build_shard,
    "SealAudience": seal_audience,
    "SendChunk": send_chunk,
    "ChunkFailed": chunk_failed,
    "CloseRun": close_run,
    "FailRun": fail_run,
}
