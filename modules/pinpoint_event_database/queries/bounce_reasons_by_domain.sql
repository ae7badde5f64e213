-- Bounced addresses of the last 30 days by their domain and the reason, with an answer of a mail
-- server.
SELECT
  lower(split_part(bounced_recipient_email_address, '@', 2)) AS domain,
  bounce_type,
  bounce_sub_type,
  count(DISTINCT message_id) AS emails,
  count(DISTINCT lower(bounced_recipient_email_address)) AS addresses,
  min(bounced_recipient_diagnostic_code) AS example
FROM (
  SELECT
    message_id, bounce_type, bounce_sub_type,
    bounced_recipient_email_address, bounced_recipient_diagnostic_code
  FROM email_hardbounce
  WHERE ingest_hour >= date_format(current_timestamp - interval '30' day, '%Y/%m/%d/%H')
  UNION ALL
  SELECT
    message_id, bounce_type, bounce_sub_type,
    bounced_recipient_email_address, bounced_recipient_diagnostic_code
  FROM email_softbounce
  WHERE ingest_hour >= date_format(current_timestamp - interval '30' day, '%Y/%m/%d/%H')
) AS bounce
GROUP BY 1, 2, 3
ORDER BY emails DESC, domain, bounce_type, bounce_sub_type
