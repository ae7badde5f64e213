-- One row per endpoint that a campaign's run dealt with, with the names of the campaign, of its
-- treatment and of its segment.
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
--   campaign_name string
--   treatment_name string
--   segment_id string
--   segment_name string
--   ingest_timestamp timestamp
--   ingest_hour string
SELECT
  event.event_timestamp,
  event.arrival_timestamp,
  event.application_id,
  event.endpoint_id,
  event.pinpoint_campaign_id,
  event.pinpoint_treatment_id,
  event.aws_account_id,
  event.message_tags,
  event.campaign_activity_id,
  event.delivery_type,
  event.campaign_send_status,
  event.campaign_type,
  event.event_id,
  campaign.name AS campaign_name,
  element_at(campaign.treatments, event.pinpoint_treatment_id) AS treatment_name,
  campaign.segment_id AS segment_id,
  segment.name AS segment_name,
  event.ingest_timestamp,
  event.ingest_hour
FROM campaign_send AS event
LEFT JOIN campaigns_and_journeys AS campaign ON campaign.id = event.pinpoint_campaign_id
LEFT JOIN segments AS segment ON segment.id = campaign.segment_id
