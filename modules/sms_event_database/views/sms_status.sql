-- One row per message (text, media, RCS or voice), with its final event, or its latest event so
-- far. A proof of delivery (READ, DELIVERED) beats every other event, a final event beats one that
-- is not, in any order of arrival; of equals the latest counts, at one and the same millisecond
-- the one further on the way. RCS_FALLEN_BACK_TO_SMS is not final: the text that takes its place
-- follows. A message has its price once: each event repeats it, and the greatest price counts, since
-- early events may have no price yet. Prices are exact US dollars. Events of all times are
-- read: for a time span ask events, with a condition on ingest_hour.
-- columns:
--   messageid string
--   event_timestamp timestamp
--   event_type string
--   message_status string
--   message_status_description string
--   origination_phonenumber string
--   destination_phonenumber string
--   iso_countrycode string
--   message_encoding string
--   total_messageparts int
--   total_messageprice decimal(18,6)
--   total_carrierfee decimal(18,6)
--   message_type string
--   outcome string
--   is_final boolean
--   message_request_timestamp timestamp
--   carrier_name string
--   mcc string
--   mnc string
--   context map<string,string>
--   first_ingest_timestamp timestamp
SELECT
  messageid,
  CAST(from_unixtime(eventtimestamp / 1e3) AS timestamp) AS event_timestamp,
  eventtype AS event_type,
  messagestatus AS message_status,
  messagestatusdescription AS message_status_description,
  originationphonenumber AS origination_phonenumber,
  coalesce(destinationphonenumber, any_destination) AS destination_phonenumber,
  coalesce(isocountrycode, any_country) AS iso_countrycode,
  messageencoding AS message_encoding,
  parts AS total_messageparts,
  CAST(
    CAST(price_micros AS decimal(18, 0)) * CAST(0.000001 AS decimal(7, 6)) AS decimal(18, 6)
  ) AS total_messageprice,
  CAST(
    CAST(fee_micros AS decimal(18, 0)) * CAST(0.000001 AS decimal(7, 6)) AS decimal(18, 6)
  ) AS total_carrierfee,
  coalesce(messagetype, any_message_type) AS message_type,
  CASE
    WHEN status IN ('READ', 'DELIVERED', 'COMPLETED', 'ANSWERED') THEN 'delivered'
    WHEN status = 'SUCCESSFUL' AND final THEN 'delivered'
    WHEN status IN (
      'QUEUED', 'PENDING', 'SENT', 'SUCCESSFUL', 'INITIATED', 'RINGING', 'FALLEN_BACK_TO_SMS'
    ) THEN 'in progress'
    ELSE 'failed'
  END AS outcome,
  final AS is_final,
  CAST(from_unixtime(requested / 1e3) AS timestamp) AS message_request_timestamp,
  carriername AS carrier_name,
  mcc,
  mnc,
  context,
  first_ingest_timestamp
FROM (
  SELECT
    *,
    row_number() OVER (
      PARTITION BY message
      ORDER BY
        CASE
          WHEN status = 'READ' THEN 3
          WHEN status = 'DELIVERED' THEN 2
          WHEN final THEN 1
          ELSE 0
        END DESC,
        eventtimestamp DESC,
        CASE status
          WHEN 'QUEUED' THEN 0
          WHEN 'INITIATED' THEN 0
          WHEN 'PENDING' THEN 1
          WHEN 'RINGING' THEN 1
          WHEN 'SENT' THEN 2
          WHEN 'SUCCESSFUL' THEN 3
          WHEN 'ANSWERED' THEN 3
          ELSE 4
        END DESC,
        event_id
    ) AS place,
    max(totalmessageparts) OVER (PARTITION BY message) AS parts,
    max(totalmessagepricemicros) OVER (PARTITION BY message) AS price_micros,
    max(totalcarrierfeemicros) OVER (PARTITION BY message) AS fee_micros,
    min(messagerequesttimestamp) OVER (PARTITION BY message) AS requested,
    max(destinationphonenumber) OVER (PARTITION BY message) AS any_destination,
    max(isocountrycode) OVER (PARTITION BY message) AS any_country,
    max(messagetype) OVER (PARTITION BY message) AS any_message_type,
    min(ingest_timestamp) OVER (PARTITION BY message) AS first_ingest_timestamp
  FROM (
    SELECT
      *,
      coalesce(messageid, event_id) AS message,
      regexp_extract(eventtype, '^[A-Z]+_(.+)$', 1) AS status,
      coalesce(isfinal, FALSE) AND eventtype <> 'RCS_FALLEN_BACK_TO_SMS' AS final
    FROM events
  ) AS event
) AS event
WHERE place = 1
