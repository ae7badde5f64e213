-- One row per other event of an app: signing in and up, purchases, and what no other view shows.
-- columns:
--   event_type string
--   event_timestamp timestamp
--   arrival_timestamp timestamp
--   application_id string
--   endpoint_id string
--   aws_account_id string
--   cognito_id string
--   session_id string
--   session_start_time timestamp
--   session_stop_time timestamp
--   attributes map<string,string>
--   metrics map<string,double>
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
  awsaccountid AS aws_account_id,
  client.cognito_id AS cognito_id,
  element_at(session, 'session_id') AS session_id,
  CAST(from_unixtime(TRY_CAST(element_at(session, 'start_timestamp') AS double) / 1e3) AS timestamp)
    AS session_start_time,
  CAST(from_unixtime(TRY_CAST(element_at(session, 'stop_timestamp') AS double) / 1e3) AS timestamp)
    AS session_stop_time,
  attributes,
  metrics,
  application.title AS app_title,
  application.version_name AS app_version,
  element_at(device.platform, 'name') AS device_platform,
  device.model AS device_model,
  event_id,
  ingest_timestamp,
  ingest_hour
FROM events
WHERE event_type LIKE '!_%' ESCAPE '!'
  AND NOT regexp_like(event_type, '^_(email|SMS|VOICE|RCS|session|custom)[.]')
  AND event_type NOT IN (
    '_campaign.send', '_campaign.opened_notification', '_campaign.received_background',
    '_campaign.received_foreground', '_journey.send', '_journey.opened_notification',
    '_journey.received_background', '_journey.received_foreground'
  )
