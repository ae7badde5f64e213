-- One row per day of the request, message type and destination country: messages and what they
-- cost, each priced once, in exact US dollars. Sums over rows are right.
-- columns:
--   day date
--   message_type string
--   iso_countrycode string
--   messages bigint
--   delivered bigint
--   failed bigint
--   parts bigint
--   message_price decimal(38,6)
--   carrier_fee decimal(38,6)
--   total_cost decimal(38,6)
SELECT
  CAST(coalesce(message_request_timestamp, event_timestamp) AS date) AS day,
  message_type,
  iso_countrycode,
  count(*) AS messages,
  count_if(outcome = 'delivered') AS delivered,
  count_if(outcome = 'failed') AS failed,
  sum(total_messageparts) AS parts,
  coalesce(sum(total_messageprice), 0) AS message_price,
  coalesce(sum(total_carrierfee), 0) AS carrier_fee,
  coalesce(sum(total_messageprice), 0) + coalesce(sum(total_carrierfee), 0) AS total_cost
FROM sms_status
GROUP BY 1, 2, 3
