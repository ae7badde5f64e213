-- Rows, events, copies and events with parts that no column takes, per hour and type, of the last
-- day. Records that could not be read at all are in no table: they are in the bucket, under
-- errors/.
SELECT
  ingest_timestamp,
  eventtype,
  count(*) AS rows_stored,
  count(DISTINCT event_id) AS events,
  count(*) - count(DISTINCT event_id) AS copies,
  count(DISTINCT event_id) FILTER (WHERE cardinality(unmapped) > 0) AS events_with_unmapped_parts,
  min(mail.timestamp) AS first_event,
  max(mail.timestamp) AS last_event
FROM ses_events
WHERE ingest_timestamp > current_timestamp - interval '1' day
GROUP BY ingest_timestamp, eventtype
ORDER BY ingest_timestamp DESC, eventtype
