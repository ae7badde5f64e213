-- One row per recipient of a message that SES refused to send: it holds a virus.
-- columns:
--   event_time string
--   message_id string
--   recipient string
--   subject string
--   from_address string
--   destination array<string>
--   recipients bigint
--   message_time string
--   reject_reason string
--   tags map<string,array<string>>
--   event_id string
--   ingest_timestamp timestamp
--   ingest_hour string
SELECT
  event_time,
  message_id,
  recipient,
  subject,
  from_address,
  destination,
  recipients,
  message_time,
  reject_reason,
  tags,
  event_id,
  ingest_timestamp,
  ingest_hour
FROM email_events
WHERE event_type = 'Reject'
