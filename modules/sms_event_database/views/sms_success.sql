-- One row per report that a text or media message was taken by the carrier (SUCCESSFUL) or the
-- handset (DELIVERED). A message may have both: count message_id distinct.
-- columns:
--   event_timestamp timestamp
--   event_type string
--   message_id string
--   message_status string
--   message_status_description string
--   origination_phonenumber string
--   destination_phonenumber string
--   iso_countrycode string
--   message_type string
--   is_final boolean
--   message_request_timestamp timestamp
--   message_encoding string
--   total_messageparts int
--   carrier_name string
--   mcc string
--   mnc string
--   protect_status string
--   context map<string,string>
--   event_id string
--   ingest_timestamp timestamp
--   ingest_hour string
SELECT
  CAST(from_unixtime(eventtimestamp / 1e3) AS timestamp) AS event_timestamp,
  eventtype AS event_type,
  messageid AS message_id,
  messagestatus AS message_status,
  messagestatusdescription AS message_status_description,
  originationphonenumber AS origination_phonenumber,
  destinationphonenumber AS destination_phonenumber,
  isocountrycode AS iso_countrycode,
  messagetype AS message_type,
  isfinal AS is_final,
  CAST(from_unixtime(messagerequesttimestamp / 1e3) AS timestamp) AS message_request_timestamp,
  messageencoding AS message_encoding,
  totalmessageparts AS total_messageparts,
  carriername AS carrier_name,
  mcc,
  mnc,
  protectconfiguration.protectstatus AS protect_status,
  context,
  event_id,
  ingest_timestamp,
  ingest_hour
FROM events
WHERE eventtype IN ('TEXT_SUCCESSFUL', 'TEXT_DELIVERED', 'MEDIA_SUCCESSFUL', 'MEDIA_DELIVERED')
