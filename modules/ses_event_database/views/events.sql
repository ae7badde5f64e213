-- One row per event: the table ses_events without the copies that repeated deliveries, retries and
-- replays leave; of an event that was reported twice, the report with tags. Copies of one event in
-- two hours are two rows, so count event_id distinct. Conditions on eventtype and ingest_hour
-- reach the table: give both.
-- columns:
--   event_id string
--   eventtype string
--   mail struct<timestamp:string,source:string,sourcearn:string,sourceip:string,calleridentity:string,sendingaccountid:string,messageid:string,destination:array<string>,headerstruncated:boolean,headers:array<struct<name:string,value:string>>,commonheaders:struct<from:array<string>,to:array<string>,cc:array<string>,bcc:array<string>,replyto:array<string>,returnpath:string,date:string,messageid:string,subject:string>,tags:map<string,array<string>>>
--   send map<string,string>
--   delivery struct<timestamp:string,processingtimemillis:bigint,recipients:array<string>,smtpresponse:string,reportingmta:string,remotemtaip:string>
--   open struct<ipaddress:string,timestamp:string,useragent:string>
--   click struct<ipaddress:string,timestamp:string,useragent:string,link:string,linktags:map<string,array<string>>>
--   bounce struct<bouncetype:string,bouncesubtype:string,bouncedrecipients:array<struct<emailaddress:string,action:string,status:string,diagnosticcode:string>>,timestamp:string,feedbackid:string,reportingmta:string,remotemtaip:string>
--   complaint struct<complainedrecipients:array<struct<emailaddress:string>>,timestamp:string,feedbackid:string,useragent:string,complaintfeedbacktype:string,complaintsubtype:string,arrivaldate:string>
--   reject struct<reason:string>
--   failure struct<errormessage:string,templatename:string>
--   deliverydelay struct<timestamp:string,delaytype:string,expirationtime:string,reportingmta:string,delayedrecipients:array<struct<emailaddress:string,status:string,diagnosticcode:string>>>
--   subscription struct<contactlist:string,timestamp:string,source:string,newtopicpreferences:struct<unsubscribeall:boolean,topicsubscriptionstatus:array<struct<topicname:string,subscriptionstatus:string>>>,oldtopicpreferences:struct<unsubscribeall:boolean,topicsubscriptionstatus:array<struct<topicname:string,subscriptionstatus:string>>>>
--   unmapped map<string,string>
--   ingest_timestamp timestamp
--   ingest_hour string
SELECT
  event_id,
  eventtype,
  mail,
  send,
  delivery,
  open,
  click,
  bounce,
  complaint,
  reject,
  failure,
  deliverydelay,
  subscription,
  unmapped,
  date_parse(ingest_hour, '%Y/%m/%d/%H') AS ingest_timestamp,
  ingest_hour
FROM (
  SELECT
    *,
    row_number() OVER (
      PARTITION BY eventtype, event_id, ingest_hour
      ORDER BY
        coalesce(cardinality(mail.tags), 0) DESC,
        coalesce(cardinality(unmapped), 0) DESC
    ) AS place
  FROM ses_events
)
WHERE place = 1
