-- One row per message and recipient, with its outcome. Times are texts as SES writes them: ISO 8601
-- in UTC, the first of their kind. status is the furthest of complaint, hard bounce,
-- unsubscribe, click, open, delivery, soft bounce, rejection, rendering failure, delay and send,
-- independent of their order; a complaint of type not-spam does not count. A message with several
-- recipients has its opens, clicks and unsubscribes on each (recipients counts them): SES does not
-- know the recipient. opens and clicks count events. Events of all
-- times are read: for a time span ask email_events, with a condition on ingest_hour.
-- columns:
--   message_id string
--   subject string
--   destination array<string>
--   time_sent string
--   time_delivered string
--   time_opened string
--   time_clicked string
--   time_bounced string
--   bounce_type string
--   bounce_subtype string
--   time_complained string
--   complaint_feedbacktype string
--   time_delayed string
--   time_rejected string
--   time_failed string
--   time_unsubscribed string
--   status string
--   opens bigint
--   clicks bigint
--   recipient string
--   recipients bigint
--   from_address string
--   complaint_subtype string
--   tags map<string,array<string>>
SELECT
  message_id,
  subject,
  destination,
  time_sent,
  time_delivered,
  time_opened,
  time_clicked,
  time_bounced,
  bounce_type,
  bounce_subtype,
  time_complained,
  complaint_feedbacktype,
  time_delayed,
  time_rejected,
  time_failed,
  time_unsubscribed,
  CASE
    WHEN time_reported_as_spam IS NOT NULL THEN 'complained'
    WHEN bounce_type = 'Permanent' THEN 'hard bounced'
    WHEN time_unsubscribed IS NOT NULL THEN 'unsubscribed'
    WHEN time_clicked IS NOT NULL THEN 'clicked'
    WHEN time_opened IS NOT NULL THEN 'opened'
    WHEN time_delivered IS NOT NULL THEN 'delivered'
    WHEN time_bounced IS NOT NULL THEN 'soft bounced'
    WHEN time_rejected IS NOT NULL THEN 'rejected'
    WHEN time_failed IS NOT NULL THEN 'failed'
    WHEN time_delayed IS NOT NULL THEN 'delayed'
    WHEN time_sent IS NOT NULL THEN 'sent'
  END AS status,
  opens,
  clicks,
  recipient,
  recipients,
  from_address,
  complaint_subtype,
  tags
FROM (
  SELECT
    message_id,
    -- The sending of a templated message knows no final subject.
    coalesce(min(subject) FILTER (WHERE event_type <> 'Send'), min(subject)) AS subject,
    ARRAY[coalesce(min(address) FILTER (WHERE event_type = 'Send'), min(address))] AS destination,
    min(message_time) FILTER (WHERE event_type <> 'Rendering Failure') AS time_sent,
    min(event_time) FILTER (WHERE event_type = 'Delivery') AS time_delivered,
    min(event_time) FILTER (WHERE event_type = 'Open') AS time_opened,
    min(event_time) FILTER (WHERE event_type = 'Click') AS time_clicked,
    min(event_time) FILTER (WHERE event_type = 'Bounce') AS time_bounced,
    -- The alphabet has it that Permanent comes before Transient and Undetermined.
    min(bounce_type) AS bounce_type,
    min_by(bounce_subtype, bounce_type || event_time || bounce_subtype) AS bounce_subtype,
    min(event_time) FILTER (WHERE event_type = 'Complaint') AS time_complained,
    min(event_time) FILTER (
      WHERE event_type = 'Complaint' AND complaint_feedbacktype IS DISTINCT FROM 'not-spam'
    ) AS time_reported_as_spam,
    min_by(
      complaint_feedbacktype,
      CASE complaint_feedbacktype WHEN 'not-spam' THEN '2' ELSE '1' END
        || event_time || complaint_feedbacktype
    ) AS complaint_feedbacktype,
    min(event_time) FILTER (WHERE event_type = 'DeliveryDelay') AS time_delayed,
    min(event_time) FILTER (WHERE event_type = 'Reject') AS time_rejected,
    min(event_time) FILTER (WHERE event_type = 'Rendering Failure') AS time_failed,
    min(event_time) FILTER (WHERE unsubscribed) AS time_unsubscribed,
    count(DISTINCT event_id) FILTER (WHERE event_type = 'Open') AS opens,
    count(DISTINCT event_id) FILTER (WHERE event_type = 'Click') AS clicks,
    recipient,
    max(recipients) AS recipients,
    min(from_address) AS from_address,
    min(complaint_subtype) AS complaint_subtype,
    -- Later events have the tags of the sending, and more.
    max_by(tags, event_time || event_id) FILTER (WHERE tags IS NOT NULL) AS tags
  FROM email_events
  GROUP BY message_id, recipient
)
