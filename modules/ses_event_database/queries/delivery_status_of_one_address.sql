-- Outcomes of all emails to one address, the latest first.
-- Run it with the address, in single quotes, as its execution parameter.
SELECT *
FROM email_status
CROSS JOIN UNNEST(destination) AS t (email)
WHERE t.email = ?
ORDER BY time_sent DESC
