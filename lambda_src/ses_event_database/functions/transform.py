"""Firehose's records to rows of `ses_events`."""

from ses_event_database.ses_events import rows
from shared.event_rows.handlers import transform_handler
from shared.settings import required_env

lambda_handler = transform_handler(
    "ses-event-database",
    rows,
    bucket=required_env("EVENTS_BUCKET"),
    error_prefix=required_env("ERROR_PREFIX"),
)
