-- One row per bounce and recipient; a transient one was given up.
-- columns:
--   event_time string
--   message_id string
--   recipient string
--   subject string
--   from_address string
--   destination array<string>
--   recipients bigint
--   message_time string
--   bounce_type string
--   bounce_subtype string
--   smtp_status string
--   diagnostic_code string
--   feedback_id string
--   reporting_mta string
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
  bounce_type,
  bounce_subtype,
  smtp_status,
  diagnostic_code,
  feedback_id,
  reporting_mta,
  tags,
  event_id,
  ingest_timestamp,
  ingest_hour
FROM email_events
WHERE event_type = 'Bounce'
