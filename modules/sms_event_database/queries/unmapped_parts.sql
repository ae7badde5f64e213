-- Parts of events without a column, by type and place, with an example, of the last day. They come
-- from a sender that writes undocumented members, or from a service with a new member.
SELECT
  eventtype,
  place,
  count(DISTINCT event_id) AS events,
  min(content) AS example
FROM events
CROSS JOIN UNNEST(unmapped) AS part (place, content)
WHERE ingest_hour >= date_format(current_timestamp - interval '1' day, '%Y/%m/%d/%H')
GROUP BY eventtype, place
ORDER BY events DESC, eventtype, place
