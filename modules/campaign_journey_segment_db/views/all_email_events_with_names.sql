-- One row per email event of any kind, with the names of its campaign or journey.
-- columns:
--   event_type string
--   event_timestamp timestamp
--   arrival_timestamp timestamp
--   application_id string
--   endpoint_id string
--   pinpoint_campaign_id string
--   pinpoint_treatment_id string
--   aws_account_id string
--   message_id string
--   message_send_timestamp timestamp
--   from_address string
--   destination array<string>
--   subject string
--   mail_event struct<mail:struct<message_id:string,message_send_timestamp:bigint,from_address:string,source_arn:string,source_ip:string,caller_identity:string,destination:array<string>,headers_truncated:boolean,headers:array<struct<name:string,value:string>>,common_headers:struct<from:string,to:array<string>,cc:array<string>,bcc:array<string>,reply_to:array<string>,return_path:string,subject:string,date:string,message_id:string>>,send:map<string,string>,delivery:struct<smtp_response:string,reporting_mta:string,remote_mta_ip:string,recipients:array<string>,processing_time_millis:int>,open:struct<ip_address:string,user_agent:string>,click:struct<ip_address:string,user_agent:string,link:string,link_tags:map<string,array<string>>>,reject:struct<reason:string>,complaint:struct<complained_recipients:array<struct<email_address:string>>,feedback_id:string,user_agent:string,complaint_feedback_type:string,complaint_sub_type:string,arrival_date:string>,bounce:struct<bounce_type:string,bounce_sub_type:string,bounced_recipients:array<struct<email_address:string,action:string,status:string,diagnostic_code:string>>,feedback_id:string,reporting_mta:string,remote_mta_ip:string,timestamp:string>,rendering_failure:struct<template_name:string,error_message:string>,delivery_delay:struct<delay_type:string,delayed_recipients:array<struct<email_address:string,status:string,diagnostic_code:string>>,expiration_time:string,reporting_mta:string>,subscription:struct<contact_list:string,source:string,new_topic_preferences:string,old_topic_preferences:string>>
--   message_tags map<string,string>
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
  event.message_id,
  event.message_send_timestamp,
  event.from_address,
  event.destination,
  event.subject,
  event.mail_event,
  event.message_tags,
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
FROM all_email_events AS event
LEFT JOIN campaigns_and_journeys AS campaign ON campaign.id = event.pinpoint_campaign_id
LEFT JOIN campaigns_and_journeys AS journey ON journey.id = event.journey_id
LEFT JOIN segments AS segment ON segment.id = COALESCE(campaign.segment_id, journey.segment_id)
