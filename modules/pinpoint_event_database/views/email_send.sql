-- One row per email that was sent.
-- columns:
--   event_timestamp timestamp
--   arrival_timestamp timestamp
--   application_id string
--   endpoint_id string
--   pinpoint_campaign_id string
--   pinpoint_treatment_id string
--   aws_account_id string
--   message_id string
--   message_send_timestamp timestamp
--   from_address string
--   destination array<string>
--   subject string
--   message_tags map<string,string>
--   campaign_activity_id string
--   journey_id string
--   journey_run_id string
--   journey_activity_id string
--   event_id string
--   ingest_timestamp timestamp
--   ingest_hour string
SELECT
  event_timestamp,
  arrival_timestamp,
  application_id,
  endpoint_id,
  pinpoint_campaign_id,
  pinpoint_treatment_id,
  aws_account_id,
  message_id,
  message_send_timestamp,
  from_address,
  destination,
  subject,
  message_tags,
  campaign_activity_id,
  journey_id,
  journey_run_id,
  journey_activity_id,
  event_id,
  ingest_timestamp,
  ingest_hour
FROM all_email_events
WHERE event_type = '_email.send'
