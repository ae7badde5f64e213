-- Whether emails went out more than once, of the last 30 days, by a tag that is unique to each:
-- how many of its values were sent to how often, and an example of one sent twice.
-- Run it with the tag's name, in single quotes, as its execution parameter: 'message'.
SELECT
  count(*) AS values_and_recipients,
  sum(emails) AS emails,
  sum(CASE WHEN emails > 1 THEN 1 ELSE 0 END) AS sent_more_than_once,
  max(emails) AS most_emails,
  min(CASE WHEN emails > 1 THEN tag_value END) AS example
FROM (
  SELECT
    tag_value,
    recipient,
    count(DISTINCT message_id) AS emails
  FROM email_send
  CROSS JOIN UNNEST(element_at(tags, ?)) AS tag (tag_value)
  WHERE ingest_hour >= date_format(current_timestamp - interval '30' day, '%Y/%m/%d/%H')
  GROUP BY tag_value, recipient
) AS one
HAVING count(*) > 0
