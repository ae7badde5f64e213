-- All campaigns of the last 30 days with the number of their endpoints, and emails by outcome. An
-- email counts once, however often it was opened or clicked. The query reads the events once.
SELECT
  element_at(attributes, 'campaign_id') AS campaign_id,
  count(DISTINCT client.client_id) FILTER (WHERE event_type = '_campaign.send') AS endpoints,
  count(DISTINCT message_id) FILTER (WHERE event_type = '_email.send') AS sends,
  count(DISTINCT message_id) FILTER (WHERE event_type = '_email.delivered') AS delivered,
  count(DISTINCT message_id) FILTER (WHERE event_type = '_email.open') AS opens,
  count(DISTINCT message_id) FILTER (WHERE event_type = '_email.click') AS clicks,
  count(DISTINCT message_id) FILTER (WHERE event_type = '_email.hardbounce') AS hard_bounces,
  count(DISTINCT message_id) FILTER (WHERE event_type = '_email.softbounce') AS soft_bounces,
  count(DISTINCT message_id) FILTER (WHERE event_type = '_email.complaint') AS complaints,
  count(DISTINCT message_id) FILTER (WHERE event_type = '_email.unsubscribe') AS unsubscribes
FROM (
  SELECT *, facets.email_channel.mail_event.mail.message_id AS message_id
  FROM events
  WHERE ingest_hour >= date_format(current_timestamp - interval '30' day, '%Y/%m/%d/%H')
    AND event_type IN (
      '_campaign.send', '_email.send', '_email.delivered', '_email.open', '_email.click',
      '_email.hardbounce', '_email.softbounce', '_email.complaint', '_email.unsubscribe'
    )
) AS event
WHERE element_at(attributes, 'campaign_id') IS NOT NULL
GROUP BY element_at(attributes, 'campaign_id')
ORDER BY campaign_id
