-- Emails that one address got in the last 30 days, and whether each was opened.
-- Run it with the address, in single quotes, as its execution parameter.
SELECT
  a.message_id,
  min(a.event_timestamp) AS sent,
  min(a.subject) AS subject,
  count(b.message_id) > 0 AS opened,
  min(b.arrival_timestamp) AS first_opened
FROM email_send AS a
LEFT JOIN email_open AS b
  ON b.message_id = a.message_id
  AND b.ingest_hour >= date_format(current_timestamp - interval '30' day, '%Y/%m/%d/%H')
WHERE a.ingest_hour >= date_format(current_timestamp - interval '30' day, '%Y/%m/%d/%H')
  AND contains(a.destination, ?)
GROUP BY a.message_id
ORDER BY sent DESC
