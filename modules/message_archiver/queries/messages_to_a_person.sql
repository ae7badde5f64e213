-- The messages to one person in one month.
-- Parameters: the user's id, the first hour of the month and the first hour of the next month, such
-- as 'ann', '2026/05/01/00' and '2026/06/01/00'.
SELECT DISTINCT
  sent_at,
  channel,
  subject,
  campaign_id,
  journey_id,
  fidelity,
  key
FROM messages
WHERE user_id = ?
  AND sent_hour >= ?
  AND sent_hour < ?
ORDER BY sent_at
