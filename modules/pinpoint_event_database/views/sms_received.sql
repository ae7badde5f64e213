-- One row per text that a person sent to us and that is no opt-out; origination_phone_number is
-- ours.
-- columns:
--   event_timestamp timestamp
--   arrival_timestamp timestamp
--   aws_account_id string
--   message_id string
--   origination_phone_number string
--   destination_phone_number string
--   message_keyword string
--   message_body string
--   previous_published_message_id string
--   event_id string
--   ingest_timestamp timestamp
--   ingest_hour string
SELECT
  event_timestamp,
  arrival_timestamp,
  aws_account_id,
  message_id,
  origination_phone_number,
  destination_phone_number,
  element_at(attributes, 'message_keyword') AS message_keyword,
  element_at(attributes, 'message_body') AS message_body,
  element_at(attributes, 'previous_published_message_id') AS previous_published_message_id,
  event_id,
  ingest_timestamp,
  ingest_hour
FROM all_phone_events
WHERE event_type = '_SMS.RECEIVED'
