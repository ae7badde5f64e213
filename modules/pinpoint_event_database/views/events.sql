-- One row per event: the table all_events without the copies that repeated deliveries, retries and
-- replays leave. Copies of one event in two hours are two rows, so count event_id or message_id
-- distinct. Conditions on event_type and ingest_hour reach the table: give both.
-- columns:
--   event_id string
--   source string
--   event_type string
--   event_version string
--   event_timestamp bigint
--   arrival_timestamp bigint
--   awsaccountid string
--   application struct<app_id:string,cognito_identity_pool_id:string,package_name:string,title:string,version_name:string,version_code:string,sdk:map<string,string>>
--   client struct<client_id:string,cognito_id:string>
--   device struct<locale:map<string,string>,make:string,model:string,platform:map<string,string>>
--   session map<string,string>
--   attributes map<string,string>
--   client_context struct<custom:map<string,string>>
--   facets struct<email_channel:struct<mail_event:struct<mail:struct<message_id:string,message_send_timestamp:bigint,from_address:string,source_arn:string,source_ip:string,caller_identity:string,destination:array<string>,headers_truncated:boolean,headers:array<struct<name:string,value:string>>,common_headers:struct<from:string,to:array<string>,cc:array<string>,bcc:array<string>,reply_to:array<string>,return_path:string,subject:string,date:string,message_id:string>>,send:map<string,string>,delivery:struct<smtp_response:string,reporting_mta:string,remote_mta_ip:string,recipients:array<string>,processing_time_millis:int>,open:struct<ip_address:string,user_agent:string>,click:struct<ip_address:string,user_agent:string,link:string,link_tags:map<string,array<string>>>,reject:struct<reason:string>,complaint:struct<complained_recipients:array<struct<email_address:string>>,feedback_id:string,user_agent:string,complaint_feedback_type:string,complaint_sub_type:string,arrival_date:string>,bounce:struct<bounce_type:string,bounce_sub_type:string,bounced_recipients:array<struct<email_address:string,action:string,status:string,diagnostic_code:string>>,feedback_id:string,reporting_mta:string,remote_mta_ip:string,timestamp:string>,rendering_failure:struct<template_name:string,error_message:string>,delivery_delay:struct<delay_type:string,delayed_recipients:array<struct<email_address:string,status:string,diagnostic_code:string>>,expiration_time:string,reporting_mta:string>,subscription:struct<contact_list:string,source:string,new_topic_preferences:string,old_topic_preferences:string>>>>
--   metrics map<string,double>
--   message_tags map<string,string>
--   unmapped map<string,string>
--   ingest_timestamp timestamp
--   ingest_hour string
SELECT
  event_id,
  source,
  event_type,
  event_version,
  event_timestamp,
  arrival_timestamp,
  awsaccountid,
  application,
  client,
  device,
  session,
  attributes,
  client_context,
  facets,
  metrics,
  message_tags,
  unmapped,
  date_parse(ingest_hour, '%Y/%m/%d/%H') AS ingest_timestamp,
  ingest_hour
FROM (
  SELECT
    *,
    row_number() OVER (
      PARTITION BY event_type, event_id, ingest_hour
      ORDER BY
        arrival_timestamp,
        source,
        coalesce(cardinality(message_tags), 0) DESC,
        coalesce(cardinality(unmapped), 0) DESC
    ) AS place
  FROM all_events
)
WHERE place = 1
