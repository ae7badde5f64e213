"""Refused records of `ses_events` to Firehose once more."""

from shared.event_rows.replay_handler import replay_handler
from shared.settings import required_env

lambda_handler = replay_handler(
    "ses-event-database",
    bucket=required_env("EVENTS_BUCKET"),
    error_prefix=required_env("ERROR_PREFIX"),
    stream=required_env("FIREHOSE_NAME"),
)
