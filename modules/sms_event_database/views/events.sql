-- One row per event: the table sms_events without the copies that repeated deliveries, retries and
-- replays leave. Copies of one event in two hours are two rows, so count event_id or messageid
-- distinct, and sum no prices here: ask sms_status. Conditions on eventtype and ingest_hour
-- reach the table: give both.
-- columns:
--   event_id string
--   eventtype string
--   eventversion string
--   eventtimestamp bigint
--   isfinal boolean
--   originationphonenumber string
--   destinationphonenumber string
--   isocountrycode string
--   mcc string
--   mnc string
--   carriername string
--   isinternationalsend boolean
--   messageid string
--   messagerequesttimestamp bigint
--   messageencoding string
--   messagetype string
--   messagestatus string
--   messagestatusdescription string
--   context map<string,string>
--   totalmessageparts int
--   totalmessageprice double
--   totalmessagepricemicros bigint
--   totalcarrierfee double
--   totalcarrierfeemicros bigint
--   protectconfiguration struct<protectconfigurationid:string,protectstatus:string>
--   rcsmetadata struct<billingeventtype:string>
--   rcsbusinessid string
--   agentisocountrycode string
--   unmapped map<string,string>
--   ingest_timestamp timestamp
--   ingest_hour string
SELECT
  event_id,
  eventtype,
  eventversion,
  eventtimestamp,
  isfinal,
  originationphonenumber,
  destinationphonenumber,
  isocountrycode,
  mcc,
  mnc,
  carriername,
  isinternationalsend,
  messageid,
  messagerequesttimestamp,
  messageencoding,
  messagetype,
  messagestatus,
  messagestatusdescription,
  context,
  totalmessageparts,
  totalmessageprice,
  totalmessagepricemicros,
  totalcarrierfee,
  totalcarrierfeemicros,
  protectconfiguration,
  rcsmetadata,
  rcsbusinessid,
  agentisocountrycode,
  unmapped,
  date_parse(ingest_hour, '%Y/%m/%d/%H') AS ingest_timestamp,
  ingest_hour
FROM (
  SELECT
    *,
    row_number() OVER (
      PARTITION BY eventtype, event_id, ingest_hour
      ORDER BY
        destinationphonenumber IS NULL, -- as EventBridge has it
        coalesce(cardinality(unmapped), 0) DESC
    ) AS place
  FROM sms_events
)
WHERE place = 1
