-- Messages and their cost in US dollars by message type: all there are, each priced once although
-- each of its events repeats the price.
SELECT
  message_type,
  sum(messages) AS messages,
  sum(message_price) AS message_price,
  sum(carrier_fee) AS carrier_fee,
  sum(total_cost) AS total_cost
FROM sms_spend
GROUP BY message_type
ORDER BY message_type
