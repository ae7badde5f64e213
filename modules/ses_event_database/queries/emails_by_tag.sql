-- Emails of the last 30 days by the values of one tag, and what became of them.
-- Run it with the tag's name, in single quotes, as its execution parameter: 'ses:configuration-
-- set'.
SELECT
  tag_value,
  count(DISTINCT message_id) FILTER (WHERE event_type = 'Send') AS sent,
  count(DISTINCT message_id) FILTER (WHERE event_type = 'Delivery') AS delivered,
  count(DISTINCT message_id) FILTER (WHERE event_type = 'Bounce') AS bounced,
  count(DISTINCT message_id) FILTER (WHERE event_type = 'Complaint') AS complaints,
  count(DISTINCT message_id) FILTER (WHERE event_type = 'Open') AS opened,
  count(DISTINCT message_id) FILTER (WHERE event_type = 'Click') AS clicked
FROM email_events
CROSS JOIN UNNEST(element_at(tags, ?)) AS tag (tag_value)
WHERE ingest_hour >= date_format(current_timestamp - interval '30' day, '%Y/%m/%d/%H')
GROUP BY tag_value
ORDER BY tag_value
