-- Texts of the last 30 days and their cost in US dollars by message type, each text priced once
-- although each of its events repeats the price.
SELECT
  message_type,
  count(*) AS messages,
  sum(price_in_millicents_usd) / 100000 AS cost_usd
FROM (
  SELECT
    message_id,
    max(message_type) AS message_type,
    max(price_in_millicents_usd) AS price_in_millicents_usd
  FROM all_phone_events
  WHERE ingest_hour >= date_format(current_timestamp - interval '30' day, '%Y/%m/%d/%H')
    AND event_type IN ('_SMS.BUFFERED', '_SMS.SUCCESS', '_SMS.FAILURE')
  GROUP BY message_id
) AS message
GROUP BY message_type
ORDER BY message_type
