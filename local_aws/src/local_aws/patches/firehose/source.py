"""Reading a Kinesis stream with the role of a Firehose stream."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local_aws.patches.firehose.records import SERVICE, Record, Refused
from local_aws.patches.service_access import role_allows, role_client, role_trusts

Json = dict[str, Any]
RETRY_SECONDS = 1.0
KINESIS_ACTIONS = ("kinesis:DescribeStream", "kinesis:ListShards")  # and those of the calls


class Source:
    """The Kinesis stream that a Firehose stream reads, from the moment it was made."""

    def __init__(self, description: Json) -> None:
        source = description["kinesis_source"]
        self.arn, self._role = str(source["KinesisStreamARN"]), source["RoleARN"]
        self._start = float(source["DeliveryStartTimestamp"])
        self._read: dict[str, str] = {}  # last sequence number by shard
        self.waiting = True
        self.retry_at = 0.0

    def read(self, firehose_arn: str) -> list[Record]:
        """All that is new.

        Raises:
            Refused: the role may not read; nothing is skipped by that.
        """
        self.waiting = False
        try:
            return self._new(firehose_arn)
        except (Refused, ClientError, BotoCoreError) as error:
            self.waiting, self.retry_at = True, time.monotonic() + RETRY_SECONDS
            if isinstance(error, Refused):
                raise
            raise Refused("Kinesis.AccessDenied", str(error)) from error

    def _new(self, firehose_arn: str) -> list[Record]:
        if not role_trusts(self._role, SERVICE, firehose_arn):
            raise Refused("Kinesis.AccessDenied", f"{SERVICE} cannot assume {self._role}")
        for action in KINESIS_ACTIONS:
            if not role_allows(self._role, action, self.arn):
                message = f"{self._role} is not allowed to {action} on {self.arn}"
                raise Refused("Kinesis.AccessDenied", message)
        client = role_client(self._role, "kinesis", "firehose")
        shards = [shard["ShardId"] for shard in client.list_shards(StreamARN=self.arn)["Shards"]]
        found = {shard: list(self._of_shard(client, shard)) for shard in shards}
        # Only now: when one shard could not be read, all are read again.
        for shard, records in found.items():
            if records:
                self._read[shard] = records[-1].id
        return [record for records in found.values() for record in records]

    def _of_shard(self, client: Any, shard: str) -> Iterator[Record]:
        after = self._read.get(shard)
        where: Json = (
            {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "StartingSequenceNumber": after}
            if after
            else {"ShardIteratorType": "AT_TIMESTAMP", "Timestamp": self._start}
        )
        answer = client.get_shard_iterator(StreamARN=self.arn, ShardId=shard, **where)
        iterator = answer["ShardIterator"]
        while iterator:
            answer = client.get_records(ShardIterator=iterator, StreamARN=self.arn)
            for found in answer["Records"]:
                arrived = found["ApproximateArrivalTimestamp"].timestamp()
                metadata = {
                    "shardId": shard,
                    "partitionKey": found["PartitionKey"],
                    "approximateArrivalTimestamp": int(arrived * 1000),
                    "sequenceNumber": found["SequenceNumber"],
                    "subsequenceNumber": "",
                }
                yield Record(found["SequenceNumber"], found["Data"], arrived, metadata)
            iterator = answer.get("NextShardIterator") if answer["Records"] else None
