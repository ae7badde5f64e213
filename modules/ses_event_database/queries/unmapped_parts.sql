-- Parts of events that no column takes, by type and place, with an example, of the last day: a
-- sender that writes what nobody documented, or a service that has something new.
SELECT
  eventtype,
  place,
  count(DISTINCT event_id) AS events,
  min(content) AS example
FROM events
CROSS JOIN UNNEST(unmapped) AS part (place, content)
WHERE ingest_timestamp > current_timestamp - interval '1' day
GROUP BY eventtype, place
ORDER BY events DESC, eventtype, place
