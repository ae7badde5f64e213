-- Messages of the last 30 days by campaign and status, with the names that the tables have now.
SELECT
  campaign.name AS campaign_name,
  event.pinpoint_campaign_id,
  event.campaign_send_status,
  count(DISTINCT event.event_id) AS endpoints
FROM campaign_send AS event
LEFT JOIN "${catalog}"."default"."${table}" AS campaign ON campaign.id = event.pinpoint_campaign_id
WHERE event.ingest_hour >= date_format(current_timestamp - interval '30' day, '%Y/%m/%d/%H')
GROUP BY 1, 2, 3
ORDER BY 4 DESC
