-- How fast emails went out, of the last 30 days, for each value of one tag: its first 20 % (the
-- start), those up to 90 % and the last 10 % (the end), by the times at which SES took them.
-- Run it with the tag's name, in single quotes, as its execution parameter: 'campaign'.
SELECT
  tag_value,
  part,
  count(*) AS emails,
  min(message_time) AS first_sent,
  max(message_time) AS last_sent,
  date_diff(
    'millisecond',
    from_iso8601_timestamp(min(message_time)), from_iso8601_timestamp(max(message_time))
  ) AS milliseconds,
  round(
    1000.0 * (count(*) - 1) / nullif(
      date_diff(
        'millisecond',
        from_iso8601_timestamp(min(message_time)), from_iso8601_timestamp(max(message_time))
      ),
      0
    ),
    1
  ) AS emails_per_second
FROM (
  SELECT
    tag_value,
    message_time,
    CASE
      WHEN place <= 0.2 THEN '0-20 %'
      WHEN place <= 0.9 THEN '20-90 %'
      ELSE '90-100 %'
    END AS part
  FROM (
    SELECT
      tag_value,
      message_time,
      cume_dist() OVER (PARTITION BY tag_value ORDER BY message_time, message_id) AS place
    FROM (
      SELECT
        tag_value,
        message_id,
        min(message_time) AS message_time
      FROM email_send
      CROSS JOIN UNNEST(element_at(tags, ?)) AS tag (tag_value)
      WHERE ingest_hour >= date_format(current_timestamp - interval '30' day, '%Y/%m/%d/%H')
      GROUP BY tag_value, message_id
    ) AS email
  ) AS placed
) AS parted
GROUP BY tag_value, part
ORDER BY tag_value, part
