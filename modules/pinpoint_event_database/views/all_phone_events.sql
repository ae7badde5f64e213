-- One row per event of a text, media, RCS or voice message, and per text that a person sent to us.
-- columns:
--   event_type string
--   event_timestamp timestamp
--   arrival_timestamp timestamp
--   application_id string
--   endpoint_id string
--   pinpoint_campaign_id string
--   pinpoint_treatment_id string
--   aws_account_id string
--   sender_request_id string
--   destination_phone_number string
--   record_status string
--   iso_country_code string
--   number_of_message_parts string
--   message_id string
--   message_type string
--   price_in_millicents_usd double
--   origination_phone_number string
--   attributes map<string,string>
--   message_tags map<string,string>
--   message_parts int
--   message_kind string
--   campaign_activity_id string
--   journey_id string
--   journey_run_id string
--   journey_activity_id string
--   source string
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
  element_at(attributes, 'sender_request_id') AS sender_request_id,
  element_at(attributes, 'destination_phone_number') AS destination_phone_number,
  element_at(attributes, 'record_status') AS record_status,
  element_at(attributes, 'iso_country_code') AS iso_country_code,
  element_at(attributes, 'number_of_message_parts') AS number_of_message_parts,
  element_at(attributes, 'message_id') AS message_id,
  element_at(attributes, 'message_type') AS message_type,
  element_at(metrics, 'price_in_millicents_usd') AS price_in_millicents_usd,
  element_at(attributes, 'origination_phone_number') AS origination_phone_number,
  attributes,
  message_tags,
  TRY_CAST(element_at(attributes, 'number_of_message_parts') AS integer) AS message_parts,
  element_at(attributes, 'message_kind') AS message_kind,
  element_at(attributes, 'campaign_activity_id') AS campaign_activity_id,
  element_at(attributes, 'journey_id') AS journey_id,
  element_at(attributes, 'journey_run_id') AS journey_run_id,
  element_at(attributes, 'journey_activity_id') AS journey_activity_id,
  source,
  event_id,
  ingest_timestamp,
  ingest_hour
FROM events
WHERE regexp_like(event_type, '^_(SMS|VOICE|RCS)[.]')
