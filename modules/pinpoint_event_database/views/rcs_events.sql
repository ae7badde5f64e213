-- One row per report on an RCS message: _RCS.SENT, _RCS.READ and so on.
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
--   message_tags map<string,string>
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
  event_type,
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
  origination_phone_number,
  message_tags,
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
WHERE event_type LIKE '!_RCS.%' ESCAPE '!'
