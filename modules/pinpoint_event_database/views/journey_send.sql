-- One row per endpoint that an activity of a journey dealt with; journey_send_status says whether
-- it was sent to.
-- columns:
--   event_timestamp timestamp
--   arrival_timestamp timestamp
--   application_id string
--   endpoint_id string
--   journey_run_id string
--   journey_send_status string
--   journey_id string
--   journey_activity_id string
--   aws_account_id string
--   message_tags map<string,string>
--   journey_activity_type string
--   journey_send_status_code string
--   journey_send_status_message string
--   event_id string
--   ingest_timestamp timestamp
--   ingest_hour string
SELECT
  CAST(from_unixtime(event_timestamp / 1e3) AS timestamp) AS event_timestamp,
  CAST(from_unixtime(arrival_timestamp / 1e3) AS timestamp) AS arrival_timestamp,
  application.app_id AS application_id,
  client.client_id AS endpoint_id,
  element_at(attributes, 'journey_run_id') AS journey_run_id,
  element_at(attributes, 'journey_send_status') AS journey_send_status,
  element_at(attributes, 'journey_id') AS journey_id,
  element_at(attributes, 'journey_activity_id') AS journey_activity_id,
  awsaccountid AS aws_account_id,
  message_tags,
  element_at(attributes, 'journey_activity_type') AS journey_activity_type,
  element_at(attributes, 'journey_send_status_code') AS journey_send_status_code,
  element_at(attributes, 'journey_send_status_message') AS journey_send_status_message,
  event_id,
  ingest_timestamp,
  ingest_hour
FROM events
WHERE event_type = '_journey.send'
