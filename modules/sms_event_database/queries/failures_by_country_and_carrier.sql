-- Messages of the last 30 days by country and carrier: how many failed, and their share of those
-- that came to an end.
SELECT
  iso_countrycode,
  carrier_name,
  count(*) AS messages,
  count_if(outcome = 'failed') AS failed,
  CAST(count_if(outcome = 'failed') AS double) / count(*) AS failed_share
FROM sms_status
WHERE first_ingest_timestamp > current_timestamp - interval '30' day
  AND outcome <> 'in progress'
GROUP BY iso_countrycode, carrier_name
ORDER BY failed DESC, iso_countrycode, carrier_name
