-- One row per event of a text, media, RCS or voice message, with the names of its campaign or
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
--   campaign_name string
--   treatment_name string
--   journey_name string
--   segment_id string
--   segment_name string
--   ingest_timestamp timestamp
--   ingest_hour string
SELECT
  event.event_type,
  event.event_timestamp,
  event.arrival_timestamp,
  event.application_id,
  event.endpoint_id,
  event.pinpoint_campaign_id,
  event.pinpoint_treatment_id,
  event.aws_account_id,
  event.sender_request_id,
  event.destination_phone_number,
  event.record_status,
  event.iso_country_code,
  event.number_of_message_parts,
  event.message_id,
  event.message_type,
  event.price_in_millicents_usd,
  event.origination_phone_number,
  event.attributes,
  event.message_tags,
  event.message_parts,
  event.message_kind,
  event.campaign_activity_id,
  event.journey_id,
  event.journey_run_id,
  event.journey_activity_id,
  event.source,
  event.event_id,
  campaign.name AS campaign_name,
  element_at(campaign.treatments, event.pinpoint_treatment_id) AS treatment_name,
  journey.name AS journey_name,
  COALESCE(campaign.segment_id, journey.segment_id) AS segment_id,
  segment.name AS segment_name,
  event.ingest_timestamp,
  event.ingest_hour
FROM all_phone_events AS event
LEFT JOIN campaigns_and_journeys AS campaign ON campaign.id = event.pinpoint_campaign_id
LEFT JOIN campaigns_and_journeys AS journey ON journey.id = event.journey_id
LEFT JOIN segments AS segment ON segment.id = COALESCE(campaign.segment_id, journey.segment_id)
