-- Bounced addresses of the last 30 days by their domain and the reason, with an answer of a mail
-- server.
SELECT
  split_part(recipient, '@', 2) AS domain,
  bounce_type,
  bounce_subtype,
  count(DISTINCT message_id) AS emails,
  count(DISTINCT recipient) AS addresses,
  min(diagnostic_code) AS example
FROM email_bounce
WHERE ingest_hour >= date_format(current_timestamp - interval '30' day, '%Y/%m/%d/%H')
GROUP BY 1, 2, 3
ORDER BY emails DESC, domain, bounce_type, bounce_subtype
