-- One row per change of a contact's topics; unsubscribed when it is out of one more, or of all.
-- columns:
--   event_time string
--   message_id string
--   recipient string
--   subject string
--   from_address string
--   destination array<string>
--   recipients bigint
--   message_time string
--   contact_list string
--   subscription_source string
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
  contact_list,
  subscription_source,
  unsubscribed,
  tags,
  event_id,
  ingest_timestamp,
  ingest_hour
FROM email_events
WHERE event_type = 'Subscription'
