"""Has what waits in the dead-letter queue processed again, once what failed is mended.

    python redrive.py "$(terraform output -raw dead_letter_queue_url)" \\
        "$(terraform output -raw function_name)"

Records go to the function alone, so that no other subscriber of the stream sees them twice; a
record that was processed before has no effect. A record that is still malformed returns to the
queue.
"""

import base64
import json
import sys
from collections.abc import Iterator
from typing import Any

import boto3

sqs = boto3.client("sqs")
kinesis = boto3.client("kinesis")
functions = boto3.client("lambda")


def main(queue_url: str, function_name: str) -> None:
    waiting = []
    while found := sqs.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10).get("Messages"):
        waiting += found
    if not waiting:
        print("The dead-letter queue has no message that can be received now.")
    for message in waiting:
        batches = batches_of(json.loads(message["Body"]))
        done = all(process(function_name, records) for records in batches)
        if done:
            sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
        print("done" if done else "failed again", message["MessageId"])


def batches_of(letter: dict[str, Any]) -> Iterator[list[dict[str, Any]]]:
    """Yield the records of a dead letter: from its body, or from the stream."""
    if "KinesisBatchInfo" in letter:  # given up by the mapping
        batch = letter["KinesisBatchInfo"]
        first, last = batch["startSequenceNumber"], batch["endSequenceNumber"]
        yield from streamed(batch["streamArn"], batch["shardId"], first, last)
    elif letter["Data"] is None:  # parked by the function, and too large for a message
        number = letter["SequenceNumber"]
        yield from streamed(letter["StreamArn"], letter["ShardId"], number, number)
    else:
        yield [
            record(letter["StreamArn"], letter["ShardId"], letter["SequenceNumber"], letter["Data"])
        ]


def streamed(stream: str, shard: str, first: str, last: str) -> Iterator[list[dict[str, Any]]]:
    """Yield the records between two sequence numbers; the function filters them."""
    iterator = kinesis.get_shard_iterator(
        StreamARN=stream,
        ShardId=shard,
        ShardIteratorType="AT_SEQUENCE_NUMBER",
        StartingSequenceNumber=first,
    )["ShardIterator"]
    number = -1
    while iterator and number < int(last):
        answer = kinesis.get_records(StreamARN=stream, ShardIterator=iterator, Limit=100)
        iterator = answer.get("NextShardIterator")
        records = []
        for each in answer["Records"]:
            number = int(each["SequenceNumber"])
            if number <= int(last):
                data = base64.b64encode(each["Data"]).decode()
                records.append(record(stream, shard, each["SequenceNumber"], data))
        if records:
            yield records


def record(stream: str, shard: str, number: str, data: str) -> dict[str, Any]:
    """A record as Lambda gives it to the function."""
    return {
        "eventID": f"{shard}:{number}",
        "eventSourceARN": stream,
        "kinesis": {"sequenceNumber": number, "partitionKey": "redriven", "data": data},
    }


def process(function_name: str, records: list[dict[str, Any]]) -> bool:
    """Whether the function has done with the records, or parked them again."""
    answer = functions.invoke(
        FunctionName=function_name, Payload=json.dumps({"Records": records}).encode()
    )
    return "FunctionError" not in answer and not json.load(answer["Payload"])["batchItemFailures"]


if __name__ == "__main__":
    if len(sys.argv) != 3 or not all(sys.argv):
        print(__doc__, file=sys.stderr)
        sys.exit(2)
    main(*sys.argv[1:])
