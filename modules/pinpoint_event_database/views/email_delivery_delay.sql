-- One row per delay and recipient: not delivered yet, a delivery may follow.
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
--   delay_type string
--   expiration_time string
--   reporting_mta string
--   delayed_recipient_email_address string
--   delayed_recipient_status string
--   delayed_recipient_diagnostic_code string
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
  mail_event.delivery_delay.delay_type AS delay_type,
  mail_event.delivery_delay.expiration_time AS expiration_time,
  mail_event.delivery_delay.reporting_mta AS reporting_mta,
  delayed_recipient_email_address,
  delayed_recipient_status,
  delayed_recipient_diagnostic_code,
  message_tags,
  campaign_activity_id,
  journey_id,
  journey_run_id,
  journey_activity_id,
  event_id,
  ingest_timestamp,
  ingest_hour
FROM all_email_events
LEFT JOIN UNNEST(mail_event.delivery_delay.delayed_recipients) AS delayed (
  delayed_recipient_email_address,
  delayed_recipient_status,
  delayed_recipient_diagnostic_code
) ON TRUE
WHERE event_type = '_email.delivery_delay'
