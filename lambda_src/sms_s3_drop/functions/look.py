"""State machine's repeated step: look how far a run is, and write its status object."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger
from botocore.config import Config

from shared.aws import aws_client
from shared.settings import required_env
from shared.transient import transient_errors_named
from sms_s3_drop.enqueue import enqueue
from sms_s3_drop.identities import identities_from
from sms_s3_drop.ledger import Ledger, Run, UnknownRun
from sms_s3_drop.progress import Progress, status_key, status_object, wait_seconds
from sms_s3_drop.run import source_from
from sms_s3_drop.turns import Permit, Turns
from sms_s3_drop.work_files import WorkFiles

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

LEASE_SECONDS = float(required_env("LEASE_SECONDS"))
# Senders' clocks, and the time between a send and the counts of its chunk.
MARGIN_SECONDS = 30
# Longer than a delay of SQS and a delivery after a crash.
STALLED_SECONDS = 1800
MOST_PERMITS_AGAIN = 200
TABLE = required_env("TABLE")
KEEP_SECONDS = int(required_env("KEEP_DAYS")) * 86_400
IDENTITIES = identities_from(required_env("IDENTITIES"))

logger = Logger(service="sms-s3-drop")
config = Config(connect_timeout=3, read_timeout=10, retries={"mode": "standard"})
s3: S3Client = aws_client("s3", config=config)
dynamodb: DynamoDBClient = aws_client("dynamodb", config=config)
work = WorkFiles(s3, required_env("WORK_BUCKET"))
sqs: SQSClient = aws_client("sqs", config=config)
ledger = Ledger(dynamodb, TABLE, lease_seconds=LEASE_SECONDS, keep_seconds=KEEP_SECONDS)
turns = Turns(dynamodb, TABLE, KEEP_SECONDS)


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Look at a run.

    Event: `{Input, Stop: whether senders must stop, Last: Seen of the look before, or empty}`.
    Answer: `{Done, WaitSeconds, Counts, Seen}`; a run is done when every row has an outcome, or
    when no sender can send a row of it any more.

    The permits of a run that does not move for STALLED_SECONDS are enqueued again.

    Raises:
        ServiceUnavailable: worth another attempt.
    """
    source = source_from(event["Input"])
    with transient_errors_named():
        run = ledger.run(source.run)
        if run is None:
            raise UnknownRun(f"Run {source.run} is not in the table.")
        now = time.time()
        if event["Stop"] and run.deadline > now:
            ledger.stop(run.run)
            run = replace(run, deadline=now)
        chunks = ledger.counts(run.run)
        progress = Progress.of(run, chunks.values())
        over = now - (run.deadline + LEASE_SECONDS + MARGIN_SECONDS)
        done = progress.waiting == 0 or over >= 0
        work.put_json(
            status_key(run.run),
            status_object(
                run,
                progress,
                state="SENDING" if now < run.deadline else "STOPPING",
                file=source.file,
                now=now,
            ),
        )
    counts = progress.as_json()
    logger.info("Looked", extra={"run": run.run, "counts": counts})
    wait = wait_seconds(now - run.started)
    if over < 0 and now >= run.deadline:
        wait = max(1, min(wait, int(-over) + 1))
    seen = {"Waiting": progress.waiting, "Chunks": len(chunks), "Since": now}
    last = event.get("Last") or seen
    if all(last[name] == seen[name] for name in ("Waiting", "Chunks")):
        seen["Since"] = last["Since"]
        if not done and now - last["Since"] >= STALLED_SECONDS:
            seen["Since"] = now
            with transient_errors_named():
                _enqueue_again(run, chunks)
    return {"Done": done, "WaitSeconds": wait, "Counts": counts, "Seen": seen}


def _enqueue_again(run: Run, chunks: Mapping[str, object]) -> None:
    """Enqueue permits for chunks that no sender has worked off.

    Permits can be lost: in the dead-letter queue, or with an execution that failed after its lanes
    were opened. Permits beyond the number of chunks do no harm.
    """
    for key, lane in run.lanes.items():
        identity = IDENTITIES.by_key.get(key)
        if identity is None:
            continue
        all_chunks = (lane.chunk(run.run, number) for number in range(lane.chunks))
        lost = list(islice((c for c in all_chunks if c.name not in chunks), MOST_PERMITS_AGAIN))
        untaken = turns.taken_before(run.run, key)
        for chunk in lost:
            if untaken is None or chunk.number < untaken:
                turns.come_later(chunk, time.time())
        enqueue(sqs, identity.queue_url, [Permit.new(run.run, key) for _ in lost])
        logger.warning("Run stalled", extra={"run": run.run, "permits": len(lost)})
