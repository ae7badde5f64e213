-- One row per endpoint that a campaign's run dealt with; campaign_send_status says whether it was
-- sent to.
-- columns:
--   event_timestamp timestamp
--   arrival_timestamp timestamp
--   application_id string
--   endpoint_id string
--   pinpoint_campaign_id string
--   pinpoint_treatment_id string
--   aws_account_id string
--   message_tags map<string,string>
--   campaign_activity_id string
--   delivery_type string
--   campaign_send_status string
--   campaign_type string
--   event_id string
--   ingest_timestamp timestamp
--   ingest_hour string
SELECT
  CAST(from_unixtime(event_timestamp / 1e3) AS timestamp) AS event_timestamp,
  CAST(from_unixtime(arrival_timestamp / 1e3) AS timestamp) AS arrival_timestamp,
  application.app_id AS application_id,
  client.client_id AS endpoint_id,
  element_at(attributes, 'campaign_id') AS pinpoint_campaign_id,
  element_at(attributes, 'treatment_id') AS pinpoint_treatment_id,
  awsaccountid AS aws_account_id,
  message_tags,
  element_at(attributes, 'campaign_activity_id') AS campaign_activity_id,
  element_at(attributes, 'delivery_type') AS delivery_type,
  element_at(attributes, 'campaign_send_status') AS campaign_send_status,
  element_at(attributes, 'campaign_type') AS campaign_type,
  event_id,
  ingest_timestamp,
  ingest_hour
FROM events
WHERE event_type = '_campaign.send'
