-- One row per delay and recipient: not delivered yet, a delivery may follow until expiration_time.
-- columns:
--   event_time string
--   message_id string
--   recipient string
--   subject string
--   from_address string
--   destination array<string>
--   recipients bigint
--   message_time string
--   delay_type string
--   expiration_time string
--   smtp_status string
--   diagnostic_code string
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
  delay_type,
  expiration_time,
  smtp_status,
  diagnostic_code,
  reporting_mta,
  tags,
  event_id,
  ingest_timestamp,
  ingest_hour
FROM email_events
WHERE event_type = 'DeliveryDelay'
