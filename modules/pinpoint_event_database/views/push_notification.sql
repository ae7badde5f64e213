-- One row per report of an app that a notification was received, or opened, by a campaign or a
-- journey.
-- columns:
--   event_type string
--   event_timestamp timestamp
--   arrival_timestamp timestamp
--   application_id string
--   endpoint_id string
--   pinpoint_campaign_id string
--   pinpoint_treatment_id string
--   aws_account_id string
--   message_tags map<string,string>
--   campaign_activity_id string
--   journey_id string
--   journey_run_id string
--   journey_activity_id string
--   app_title string
--   app_version string
--   device_platform string
--   device_model string
--   event_id string
--   ingest_timestamp timestamp
--   ingest_hour string
SELECT
  event_type,
  CAST(from_unixtime(event_timestamp / 1e3) AS timestamp) AS event_timestamp,
  CAST(from_unixtime(arrival_timestamp / 1e3) AS timestamp) AS arrival_timestamp,
  application.app_id AS application_id,
  client.client_id AS endpoint_id,
  element_at(attributes, 'campaign_id') AS pinpoint_campaign_id,
  element_at(attributes, 'treatment_id') AS pinpoint_treatment_id,
  awsaccountid AS aws_account_id,
  message_tags,
  element_at(attributes, 'campaign_activity_id') AS campaign_activity_id,
  element_at(attributes, 'journey_id') AS journey_id,
  element_at(attributes, 'journey_run_id') AS journey_run_id,
  element_at(attributes, 'journey_activity_id') AS journey_activity_id,
  application.title AS app_title,
  application.version_name AS app_version,
  element_at(device.platform, 'name') AS device_platform,
  device.model AS device_model,
  event_id,
  ingest_timestamp,
  ingest_hour
FROM events
WHERE event_type IN (
  '_campaign.opened_notification', '_campaign.received_background', '_campaign.received_foreground',
  '_journey.opened_notification', '_journey.received_background', '_journey.received_foreground'
)
