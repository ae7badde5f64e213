-- Rows, events, copies and events with parts that no column takes, per hour and type, of the last
-- day. Records that could not be read at all are in no table: they are in the bucket, under
-- errors/.
SELECT
  date_parse(ingest_hour, '%Y/%m/%d/%H') AS ingest_timestamp,
  event_type,
  count(*) AS rows_stored,
  count(DISTINCT event_id) AS events,
  count(*) - count(DISTINCT event_id) AS copies,
  count(DISTINCT event_id) FILTER (WHERE cardinality(unmapped) > 0) AS events_with_unmapped_parts,
  min(CAST(from_unixtime(arrival_timestamp / 1e3) AS timestamp)) AS first_event,
  max(CAST(from_unixtime(arrival_timestamp / 1e3) AS timestamp)) AS last_event
FROM all_events
WHERE ingest_hour >= date_format(current_timestamp - interval '1' day, '%Y/%m/%d/%H')
GROUP BY ingest_hour, event_type
ORDER BY ingest_hour DESC, event_type
