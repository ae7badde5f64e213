-- One row per endpoint that an activity of a journey dealt with, with the names of the journey and
-- of its segment.
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
--   journey_name string
--   segment_id string
--   segment_name string
--   ingest_timestamp timestamp
--   ingest_hour string
SELECT
  event.event_timestamp,
  event.arrival_timestamp,
  event.application_id,
  event.endpoint_id,
  event.journey_run_id,
  event.journey_send_status,
  event.journey_id,
  event.journey_activity_id,
  event.aws_account_id,
  event.message_tags,
  event.journey_activity_type,
  event.journey_send_status_code,
  event.journey_send_status_message,
  event.event_id,
  journey.name AS journey_name,
  journey.segment_id AS segment_id,
  segment.name AS segment_name,
  event.ingest_timestamp,
  event.ingest_hour
FROM journey_send AS event
LEFT JOIN campaigns_and_journeys AS journey ON journey.id = event.journey_id
LEFT JOIN segments AS segment ON segment.id = journey.segment_id
