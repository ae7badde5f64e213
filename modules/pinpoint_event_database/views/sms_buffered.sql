-- One row per report that a text is on its way. A text may have several: count message_id distinct,
-- and take no price from here, since each report repeats it.
-- columns:
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
--   message_tags map<string,string>
--   origination_phone_number string
--   message_parts int
--   message_kind string
--   campaign_activity_id string
--   journey_id string
--   journey_run_id string
--   journey_activity_id string
--   event_id string
--   ingest_timestamp timestamp
--   ingest_hour string
SELECT
  event_timestamp,
  arrival_timestamp,
  application_id,
  endpoint_id,
  pinpoint_campaign_id,
  pinpoint_treatment_id,
  aws_account_id,
  sender_request_id,
  destination_phone_number,
  record_status,
  iso_country_code,
  number_of_message_parts,
  message_id,
  message_type,
  price_in_millicents_usd,
  message_tags,
  origination_phone_number,
  message_parts,
  message_kind,
  campaign_activity_id,
  journey_id,
  journey_run_id,
  journey_activity_id,
  event_id,
  ingest_timestamp,
  ingest_hour
FROM all_phone_events
WHERE event_type = '_SMS.BUFFERED'
