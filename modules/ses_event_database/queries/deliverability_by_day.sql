-- Emails and recipients of the last 30 days by the day of sending, and what became of them. Each
-- counts once; an event that came late counts on the day its email was sent.
SELECT
  substr(message_time, 1, 10) AS day,
  count(DISTINCT message) FILTER (WHERE event_type = 'Send') AS sent,
  count(DISTINCT message) FILTER (WHERE event_type = 'Delivery') AS delivered,
  count(DISTINCT message) FILTER (
    WHERE event_type = 'Bounce' AND bounce_type = 'Permanent'
  ) AS hard_bounced,
  count(DISTINCT message) FILTER (
    WHERE event_type = 'Bounce' AND bounce_type <> 'Permanent'
  ) AS soft_bounced,
  count(DISTINCT message) FILTER (
    WHERE event_type = 'Complaint' AND complaint_feedbacktype IS DISTINCT FROM 'not-spam'
  ) AS complaints,
  count(DISTINCT message_id) FILTER (WHERE event_type = 'Open') AS messages_opened,
  count(DISTINCT message_id) FILTER (WHERE event_type = 'Click') AS messages_clicked
FROM (
  SELECT *, message_id || ' ' || coalesce(recipient, '') AS message
  FROM email_events
  WHERE ingest_hour >= date_format(current_timestamp - interval '30' day, '%Y/%m/%d/%H')
) AS event
GROUP BY substr(message_time, 1, 10)
ORDER BY day DESC
