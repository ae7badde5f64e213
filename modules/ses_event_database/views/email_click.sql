-- One row per click, and per recipient where the message has several: SES cannot tell who it was.
-- columns:
--   event_time string
--   message_id string
--   recipient string
--   subject string
--   from_address string
--   destination array<string>
--   recipients bigint
--   message_time string
--   link string
--   link_tags map<string,array<string>>
--   ip_address string
--   user_agent string
--   unsubscribed boolean
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
  link,
  link_tags,
  ip_address,
  user_agent,
  unsubscribed,
  tags,
  event_id,
  ingest_timestamp,
  ingest_hour
FROM email_events
WHERE event_type = 'Click'
