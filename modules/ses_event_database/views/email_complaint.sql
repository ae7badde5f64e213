-- One row per complaint and recipient; complaint_feedbacktype not-spam is praise.
-- columns:
--   event_time string
--   message_id string
--   recipient string
--   subject string
--   from_address string
--   destination array<string>
--   recipients bigint
--   message_time string
--   complaint_feedbacktype string
--   complaint_subtype string
--   feedback_id string
--   user_agent string
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
  complaint_feedbacktype,
  complaint_subtype,
  feedback_id,
  user_agent,
  tags,
  event_id,
  ingest_timestamp,
  ingest_hour
FROM email_events
WHERE event_type = 'Complaint'
