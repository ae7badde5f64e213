-- One row per complaint and recipient; complaint_feedback_type not-spam is praise.
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
--   complained_email_address string
--   feedback_id string
--   user_agent string
--   complaint_feedback_type string
--   message_tags map<string,string>
--   subject string
--   complaint_sub_type string
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
  complained_email_address,
  mail_event.complaint.feedback_id AS feedback_id,
  mail_event.complaint.user_agent AS user_agent,
  mail_event.complaint.complaint_feedback_type AS complaint_feedback_type,
  message_tags,
  subject,
  mail_event.complaint.complaint_sub_type AS complaint_sub_type,
  campaign_activity_id,
  journey_id,
  journey_run_id,
  journey_activity_id,
  event_id,
  ingest_timestamp,
  ingest_hour
FROM all_email_events
LEFT JOIN UNNEST(mail_event.complaint.complained_recipients) AS complained (
  complained_email_address
) ON TRUE
WHERE event_type = '_email.complaint'
