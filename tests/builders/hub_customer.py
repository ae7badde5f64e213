"""Resources of a hub's customer in the account: roles, event streams and functions."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass
from typing import Any

from tests.builders.local_account import LocalAccount

# Every function of a customer keeps what it is called with; `answer` is the test's.
_KEEPS_ITS_CALLS = """
import json
import os
import time

import boto3

s3 = boto3.client("s3")
bucket = os.environ["BUCKET"]

def objects(prefix):
    return s3.list_objects_v2(Bucket=bucket, Prefix=prefix)["KeyCount"]

def handler(event, context):
    key = f"calls/{time.time_ns():020d}-{context.aws_request_id}"
    s3.put_object(Bucket=bucket, Key=key, Body=json.dumps(event).encode())
    return answer(event)
"""


# The hub's own event, by which PutEventStream finds out whether a stream can be written to.
TEST_EVENT = "_test.event_stream"


def _policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def role(
    account: LocalAccount, name: str, trust: dict[str, Any], *statements: dict[str, Any], path: str
) -> str:
    """A role with one inline policy; its ARN."""
    iam = account.client("iam")
    trusted = _policy({"Effect": "Allow", "Action": "sts:AssumeRole", **trust})
    arn = iam.create_role(Path=path, RoleName=name, AssumeRolePolicyDocument=trusted)["Role"]["Arn"]
    iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=_policy(*statements))
    return str(arn)


def role_for_the_hub(
    account: LocalAccount, name: str, project: str, *statements: dict[str, Any]
) -> str:
    """A role as RoleArn asks for it: under the agreed path, for one project."""
    owner = account.client("sts").get_caller_identity()["Account"]
    trust = {
        "Principal": {"AWS": f"arn:aws:iam::{owner}:root"},
        "Condition": {"StringEquals": {"sts:ExternalId": project}},
    }
    return role(account, name, trust, *statements, path="/engagement-hub/")


def kinesis_event_stream(account: LocalAccount, pinpoint: Any, project: str) -> str:
    """Register a Kinesis stream with a project; return the stream's name."""
    kinesis, name = account.client("kinesis"), f"customer-{project[:8]}-events"
    kinesis.create_stream(StreamName=name, ShardCount=1)
    description = account.eventually(
        lambda: kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"],
        lambda seen: seen["StreamStatus"] == "ACTIVE",
    )
    write = {
        "Effect": "Allow",
        "Action": ["kinesis:PutRecords", "kinesis:DescribeStream"],
        "Resource": description["StreamARN"],
    }
    _register(account, pinpoint, project, description["StreamARN"], write)
    return name


def kinesis_events(account: LocalAccount, stream: str) -> list[dict[str, Any]]:
    """Every event on a stream so far, without the test event of its registration."""
    kinesis = account.client("kinesis")
    shard = kinesis.list_shards(StreamName=stream)["Shards"][0]["ShardId"]
    iterator = kinesis.get_shard_iterator(
        StreamName=stream, ShardId=shard, ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    found = kinesis.get_records(ShardIterator=iterator, Limit=1000)["Records"]
    events = [json.loads(record["Data"]) for record in found]
    return [event for event in events if event.get("event_type") != TEST_EVENT]


def firehose_event_stream(account: LocalAccount, pinpoint: Any, project: str) -> str:
    """Register a Firehose that writes to a bucket; return the bucket's name."""
    name = f"delivery-{project[:8]}"
    stream_arn = delivery_stream(account, name)
    write = {"Effect": "Allow", "Action": "firehose:PutRecordBatch", "Resource": stream_arn}
    _register(account, pinpoint, project, stream_arn, write)
    return f"{name}-events"


def delivery_stream(account: LocalAccount, name: str, source_arn: str | None = None) -> str:
    """A Firehose that writes what it is given, or a Kinesis stream holds, to `<name>-events`.

    Its role is that of the Firehose developer guide, "Grant Firehose access to an Amazon S3
    destination". Returns its ARN.
    """
    firehose, bucket = account.client("firehose"), f"{name}-events"
    account.client("s3").create_bucket(Bucket=bucket)
    statements = [
        {
            "Effect": "Allow",
            "Action": ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"],
            "Resource": f"arn:aws:s3:::{bucket}/*",
        },
        {
            "Effect": "Allow",
            "Action": ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"],
            "Resource": f"arn:aws:s3:::{bucket}",
        },
    ]
    if source_arn:
        read = ["DescribeStream", "GetRecords", "GetShardIterator", "ListShards"]
        actions = [f"kinesis:{action}" for action in read]
        statements.append({"Effect": "Allow", "Action": actions, "Resource": source_arn})
    trust = {"Principal": {"Service": "firehose.amazonaws.com"}}
    writer = role(account, f"{name}-writer", trust, *statements, path="/")
    source: dict[str, Any] = {"DeliveryStreamType": "DirectPut"}
    if source_arn:
        reads = {"KinesisStreamARN": source_arn, "RoleARN": writer}
        source = {
            "DeliveryStreamType": "KinesisStreamAsSource",
            "KinesisStreamSourceConfiguration": reads,
        }
    stream_arn = firehose.create_delivery_stream(
        DeliveryStreamName=name,
        **source,
        ExtendedS3DestinationConfiguration={
            "RoleARN": writer,
            "BucketARN": f"arn:aws:s3:::{bucket}",
            "Prefix": "events/",
            "BufferingHints": {"IntervalInSeconds": 0, "SizeInMBs": 1},
        },
    )["DeliveryStreamARN"]
    account.eventually(
        lambda: firehose.describe_delivery_stream(DeliveryStreamName=name)[
            "DeliveryStreamDescription"
        ],
        lambda seen: seen["DeliveryStreamStatus"] == "ACTIVE",
    )
    return str(stream_arn)


def stored_events(account: LocalAccount, bucket: str) -> list[dict[str, Any]]:
    """Every event in the objects of a bucket so far, one JSON object a line, without the test event
    of the stream's registration."""
    s3 = account.client("s3")
    listed = s3.list_objects_v2(Bucket=bucket, Prefix="events/").get("Contents", [])
    texts = [s3.get_object(Bucket=bucket, Key=one["Key"])["Body"].read() for one in listed]
    events = [json.loads(line) for text in texts for line in text.splitlines()]
    return [event for event in events if event.get("event_type") != TEST_EVENT]


def _register(
    account: LocalAccount, pinpoint: Any, project: str, stream_arn: str, write: dict[str, Any]
) -> None:
    name = f"event-stream-{project[:8]}"
    pinpoint.put_event_stream(
        ApplicationId=project,
        WriteEventStream={
            "DestinationStreamArn": stream_arn,
            "RoleArn": role_for_the_hub(account, name, project, write),
        },
    )


@dataclass(frozen=True)
class CustomerFunction:
    """A Lambda function of the customer's, with the bucket where it keeps what it was given."""

    account: LocalAccount
    name: str
    arn: str
    bucket: str

    def let_in(self, principal: str) -> None:
        """Allow a role to invoke it, in its resource policy."""
        self.account.client("lambda").add_permission(
            FunctionName=self.name,
            StatementId="hub",
            Action="lambda:InvokeFunction",
            Principal=principal,
        )

    def calls(self) -> list[dict[str, Any]]:
        """The payloads so far, oldest first."""
        s3 = self.account.client("s3")
        listed = s3.list_objects_v2(Bucket=self.bucket, Prefix="calls/").get("Contents", [])
        keys = sorted(one["Key"] for one in listed)
        return [json.load(s3.get_object(Bucket=self.bucket, Key=key)["Body"]) for key in keys]

    def put(self, key: str) -> None:
        """An object that its code may wait for."""
        self.account.client("s3").put_object(Bucket=self.bucket, Key=key)


def customer_function(account: LocalAccount, name: str, answer: str) -> CustomerFunction:
    """Create a function without a permission to invoke it.

    Args:
        answer: Python source of `answer(event)`; it may call `objects(prefix)`, the number of
            objects in the function's bucket.
    """
    account.client("s3").create_bucket(Bucket=name)
    own = f"arn:aws:s3:::{name}"
    role_arn = role(
        account,
        name,
        {"Principal": {"Service": "lambda.amazonaws.com"}},
        {"Effect": "Allow", "Action": "s3:PutObject", "Resource": f"{own}/*"},
        {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": own},
        path="/",
    )
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("app.py", _KEEPS_ITS_CALLS + answer)
    functions = account.client("lambda")
    arn = functions.create_function(
        FunctionName=name,
        Role=role_arn,
        Runtime="python3.13",
        Handler="app.handler",
        Code={"ZipFile": package.getvalue()},
        Environment={"Variables": {"BUCKET": name}},
        Timeout=30,
    )["FunctionArn"]
    functions.get_waiter("function_active_v2").wait(FunctionName=name)
    return CustomerFunction(account, name, arn, name)
