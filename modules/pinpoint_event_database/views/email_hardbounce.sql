-- One row per hard bounce and recipient, also for emails that SES did not try to deliver
-- (bounce_sub_type Suppressed, OnAccountSuppressionList and the like).
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
--   bounce_type string
--   bounce_sub_type string
--   feedback_id string
--   reporting_mta string
--   bounced_recipient_email_address string
--   bounced_recipient_action string
--   bounced_recipient_status string
--   bounced_recipient_diagnostic_code string
--   message_tags map<string,string>
--   subject string
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
  mail_event.bounce.bounce_type AS bounce_type,
  mail_event.bounce.bounce_sub_type AS bounce_sub_type,
  mail_event.bounce.feedback_id AS feedback_id,
  mail_event.bounce.reporting_mta AS reporting_mta,
  bounced_recipient_email_address,
  bounced_recipient_action,
  bounced_recipient_status,
  bounced_recipient_diagnostic_code,
  message_tags,
  subject,
  campaign_activity_id,
  journey_id,
  journey_run_id,
  journey_activity_id,
  event_id,
  ingest_timestamp,
  ingest_hour
FROM all_email_events
LEFT JOIN UNNEST(mail_event.bounce.bounced_recipients) AS bounced (
  bounced_recipient_email_address,
  bounced_recipient_action,
  bounced_recipient_status,
  bounced_recipient_diagnostic_code
) ON TRUE
WHERE event_type = '_email.hardbounce'
