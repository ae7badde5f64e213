-- Emails of the last 30 days by the day they were sent, and by outcome. Each email counts once; a
-- late event counts on the day its email was sent. An email that SES did not try to deliver, because
-- its address is on a suppression list, is no hard bounce here.
SELECT
  CAST(message_send_timestamp AS date) AS day,
  count(DISTINCT message_id) FILTER (WHERE event_type = '_email.send') AS sent,
  count(DISTINCT message_id) FILTER (WHERE event_type = '_email.delivered') AS delivered,
  count(DISTINCT message_id) FILTER (
    WHERE event_type = '_email.hardbounce' AND tried
  ) AS hard_bounced,
  count(DISTINCT message_id) FILTER (
    WHERE event_type = '_email.hardbounce' AND NOT tried
  ) AS suppressed,
  count(DISTINCT message_id) FILTER (WHERE event_type = '_email.softbounce') AS soft_bounced,
  count(DISTINCT message_id) FILTER (
    WHERE event_type = '_email.complaint' AND NOT praised
  ) AS complaints,
  count(DISTINCT message_id) FILTER (WHERE event_type = '_email.open') AS opened,
  count(DISTINCT message_id) FILTER (WHERE event_type = '_email.click') AS clicked
FROM (
  SELECT
    *,
    coalesce(mail_event.bounce.bounce_sub_type, '') NOT IN (
      'Suppressed', 'OnAccountSuppressionList', 'OnTenantSuppressionList',
      'UnsubscribedRecipient', 'EmailValidationSuppressed'
    ) AS tried,
    coalesce(mail_event.complaint.complaint_feedback_type, '') = 'not-spam' AS praised
  FROM all_email_events
  WHERE ingest_hour >= date_format(current_timestamp - interval '30' day, '%Y/%m/%d/%H')
) AS event
GROUP BY CAST(message_send_timestamp AS date)
ORDER BY day DESC
