"""A reset forgets what Firehose streams have buffered."""

import time

from builders.local_server import LocalServer, allow


def make(aws: LocalServer, interval: int) -> None:
    aws.client("s3").create_bucket(Bucket="events")
    role = aws.role("delivery", {"Service": "firehose.amazonaws.com"}, allow("s3:*"))
    aws.client("firehose").create_delivery_stream(
        DeliveryStreamName="events",
        ExtendedS3DestinationConfiguration={
            "RoleARN": role,
            "BucketARN": "arn:aws:s3:::events",
            "BufferingHints": {"IntervalInSeconds": interval, "SizeInMBs": 1},
        },
    )


def test_what_was_buffered_before_a_reset_does_not_arrive_after_it(
    local_aws: LocalServer,
) -> None:
    firehose, s3 = local_aws.client("firehose"), local_aws.client("s3")
    make(local_aws, interval=1)
    firehose.put_record(DeliveryStreamName="events", Record={"Data": b"before"})

    local_aws.post("reset")
    make(local_aws, interval=0)
    firehose.put_record(DeliveryStreamName="events", Record={"Data": b"after"})
    time.sleep(1.5)

    keys = [item["Key"] for item in s3.list_objects_v2(Bucket="events")["Contents"]]
    bodies = [s3.get_object(Bucket="events", Key=key)["Body"].read() for key in keys]
    assert bodies == [b"after"]
