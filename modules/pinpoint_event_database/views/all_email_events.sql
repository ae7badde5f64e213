-- One row per email event of any kind; mail_event says what became of the message. Of the events of
-- a message, event_timestamp is when it was sent, arrival_timestamp when it happened.
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
  facets.email_channel.mail_event.mail.message_id AS message_id,
  CAST(
    from_unixtime(facets.email_channel.mail_event.mail.message_send_timestamp / 1e3) AS timestamp
  ) AS message_send_timestamp,
  facets.email_channel.mail_event.mail.from_address AS from_address,
  facets.email_channel.mail_event.mail.destination AS destination,
  facets.email_channel.mail_event.mail.common_headers.subject AS subject,
  facets.email_channel.mail_event AS mail_event,
  message_tags,
  element_at(attributes, 'campaign_activity_id') AS campaign_activity_id,
  element_at(attributes, 'journey_id') AS journey_id,
  element_at(attributes, 'journey_run_id') AS journey_run_id,
  element_at(attributes, 'journey_activity_id') AS journey_activity_id,
  source,
  event_id,
  ingest_timestamp,
  ingest_hour
FROM events
WHERE event_type LIKE '!_email.%' ESCAPE '!'
