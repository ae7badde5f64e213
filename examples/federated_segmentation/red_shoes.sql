SELECT DISTINCT orders.endpoint_id AS "Id"
FROM orders
JOIN ${events}.email_open AS opened ON opened.endpoint_id = orders.endpoint_id
WHERE lower(orders.product) = 'red shoes'
  AND orders.action IN ('bought', 'looked at')
  AND opened.ingest_hour >= date_format(current_timestamp - interval '30' day, '%Y/%m/%d/%H')
