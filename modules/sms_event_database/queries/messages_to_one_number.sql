-- Messages to one number with their outcomes, the latest first.
-- Run it with the number (E.164), in single quotes, as its execution parameter: '+14255550156'.
SELECT
  messageid,
  message_request_timestamp,
  event_timestamp,
  event_type,
  outcome,
  is_final,
  message_status_description,
  message_type,
  total_messageprice
FROM sms_status
WHERE destination_phonenumber = ?
ORDER BY message_request_timestamp DESC, messageid
