-- The endpoints that got a message of one campaign in the last 30 days.
-- Parameter: the campaign's id.
SELECT DISTINCT
  endpoint_id,
  user_id,
  sent_at,
  channel,
  treatment_id,
  campaign_version,
  key
FROM messages
WHERE campaign_id = ?
  AND sent_hour >= date_format(current_timestamp - INTERVAL '30' DAY, '%Y/%m/%d/%H')
ORDER BY sent_at
