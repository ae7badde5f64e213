"""Firehose's records to rows of `sms_events`."""

from shared.event_rows.handlers import transform_handler
from shared.settings import required_env
from sms_event_database.sms_events import rows

lambda_handler = transform_handler(
    "sms-event-database",
    rows,
    bucket=required_env("EVENTS_BUCKET"),
    error_prefix=required_env("ERROR_PREFIX"),
)
