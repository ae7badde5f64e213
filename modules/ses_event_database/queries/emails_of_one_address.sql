-- Emails to one address of the last 30 days, and when each was delivered, opened, clicked, bounced
-- or complained about. It reads these days only, where email_status reads everything.
-- Run it with the address, in single quotes, as its execution parameter.
SELECT
  message_id,
  min(subject) AS subject,
  min(message_time) AS time_sent,
  min(event_time) FILTER (WHERE event_type = 'Delivery') AS time_delivered,
  min(event_time) FILTER (WHERE event_type = 'Open') AS time_opened,
  min(event_time) FILTER (WHERE event_type = 'Click') AS time_clicked,
  min(event_time) FILTER (WHERE event_type = 'Bounce') AS time_bounced,
  min(event_time) FILTER (WHERE event_type = 'Complaint') AS time_complained
FROM email_events
WHERE ingest_hour >= date_format(current_timestamp - interval '30' day, '%Y/%m/%d/%H')
  AND recipient = lower(?)
GROUP BY message_id
ORDER BY time_sent DESC, message_id
