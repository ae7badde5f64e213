-- Journeys of the last 30 days, by run, activity and status: how many endpoints each dealt with.
SELECT
  journey_id,
  journey_run_id,
  journey_activity_id,
  journey_activity_type,
  journey_send_status,
  count(DISTINCT endpoint_id) AS endpoints
FROM journey_send
WHERE ingest_hour >= date_format(current_timestamp - interval '30' day, '%Y/%m/%d/%H')
GROUP BY journey_id, journey_run_id, journey_activity_id, journey_activity_type, journey_send_status
ORDER BY journey_id, journey_run_id, journey_activity_id, journey_send_status
