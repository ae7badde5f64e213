-- One row per event and recipient, of all ten event types. Deliveries, bounces, complaints and
-- delays name their recipients. Opens, clicks and all other events belong to the message: a message
-- with several recipients has them on each, since SES does not know the recipient (recipients counts
-- them). An event that names no recipient is a row without recipient.
-- columns:
--   event_type string
--   event_time string
--   message_id string
--   recipient string
--   subject string
--   from_address string
--   destination array<string>
--   recipients bigint
--   message_time string
--   tags map<string,array<string>>
--   address string
--   smtp_response string
--   processing_time_millis bigint
--   reporting_mta string
--   bounce_type string
--   bounce_subtype string
--   smtp_status string
--   diagnostic_code string
--   feedback_id string
--   complaint_feedbacktype string
--   complaint_subtype string
--   user_agent string
--   ip_address string
--   link string
--   link_tags map<string,array<string>>
--   reject_reason string
--   template_name string
--   error_message string
--   delay_type string
--   expiration_time string
--   contact_list string
--   subscription_source string
--   unsubscribed boolean
--   event_id string
--   ingest_timestamp timestamp
--   ingest_hour string
SELECT
  eventtype AS event_type,
  coalesce(
    delivery.timestamp, bounce.timestamp, complaint.timestamp, open.timestamp, click.timestamp,
    deliverydelay.timestamp, subscription.timestamp, mail.timestamp
  ) AS event_time,
  mail.messageid AS message_id,
  lower(address) AS recipient,
  mail.commonheaders.subject AS subject,
  mail.source AS from_address,
  mail.destination AS destination,
  cardinality(mail.destination) AS recipients,
  mail.timestamp AS message_time,
  mail.tags AS tags,
  address,
  delivery.smtpresponse AS smtp_response,
  delivery.processingtimemillis AS processing_time_millis,
  coalesce(delivery.reportingmta, bounce.reportingmta, deliverydelay.reportingmta) AS reporting_mta,
  bounce.bouncetype AS bounce_type,
  bounce.bouncesubtype AS bounce_subtype,
  smtp_status,
  diagnostic_code,
  coalesce(bounce.feedbackid, complaint.feedbackid) AS feedback_id,
  complaint.complaintfeedbacktype AS complaint_feedbacktype,
  complaint.complaintsubtype AS complaint_subtype,
  coalesce(open.useragent, click.useragent, complaint.useragent) AS user_agent,
  coalesce(open.ipaddress, click.ipaddress) AS ip_address,
  click.link AS link,
  click.linktags AS link_tags,
  reject.reason AS reject_reason,
  failure.templatename AS template_name,
  failure.errormessage AS error_message,
  deliverydelay.delaytype AS delay_type,
  deliverydelay.expirationtime AS expiration_time,
  subscription.contactlist AS contact_list,
  subscription.source AS subscription_source,
  coalesce(subscription.newtopicpreferences.unsubscribeall, FALSE)
    OR coalesce(
      cardinality(array_except(out_of_topics, coalesce(was_out_of_topics, ARRAY[]))) > 0, FALSE
    )
    OR element_at(click.linktags, 'unsubscribeLinkTag') IS NOT NULL
    AS unsubscribed,
  event_id,
  ingest_timestamp,
  ingest_hour
FROM (
  SELECT
    *,
    -- Whatever an event of a message with one recipient names, it is about that recipient.
    CASE
      WHEN cardinality(mail.destination) = 1 AND coalesce(cardinality(named), 0) < 2
        THEN mail.destination
      ELSE named
    END AS addresses
  FROM (
    SELECT
      *,
      CASE eventtype
        WHEN 'Delivery' THEN delivery.recipients
        WHEN 'Bounce' THEN transform(bounce.bouncedrecipients, r -> r.emailaddress)
        WHEN 'Complaint' THEN transform(complaint.complainedrecipients, r -> r.emailaddress)
        WHEN 'DeliveryDelay' THEN transform(deliverydelay.delayedrecipients, r -> r.emailaddress)
        ELSE mail.destination
      END AS named,
      CASE eventtype
        WHEN 'Bounce' THEN transform(bounce.bouncedrecipients, r -> r.status)
        WHEN 'DeliveryDelay' THEN transform(deliverydelay.delayedrecipients, r -> r.status)
      END AS statuses,
      CASE eventtype
        WHEN 'Bounce' THEN transform(bounce.bouncedrecipients, r -> r.diagnosticcode)
        WHEN 'DeliveryDelay' THEN transform(deliverydelay.delayedrecipients, r -> r.diagnosticcode)
      END AS diagnostics,
      transform(
        filter(
          subscription.newtopicpreferences.topicsubscriptionstatus,
          t -> lower(t.subscriptionstatus) = 'optout'
        ),
        t -> t.topicname
      ) AS out_of_topics,
      transform(
        filter(
          subscription.oldtopicpreferences.topicsubscriptionstatus,
          t -> lower(t.subscriptionstatus) = 'optout'
        ),
        t -> t.topicname
      ) AS was_out_of_topics
    FROM events
  ) AS event
) AS event
LEFT JOIN UNNEST(addresses, statuses, diagnostics)
  AS named_by_event (address, smtp_status, diagnostic_code) ON TRUE
