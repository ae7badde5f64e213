# Configuration sets that publish to EventBridge: rule on the default event bus → queue → function.
# SES publishes to the default event bus alone.

locals {
  rule_publishes = var.event_bridge == null ? {} : {
    event-bridge = {
      service    = "events.amazonaws.com"
      source_arn = aws_cloudwatch_event_rule.feedback[0].arn
    }
  }

  event_bridge_sets = var.event_bridge == null ? null : var.event_bridge.configuration_sets
}

resource "aws_cloudwatch_event_rule" "feedback" {
  count = var.event_bridge == null ? 0 : 1

  name        = "${var.name}-feedback"
  description = "Bounces and complaints that SES publishes to EventBridge."

  event_pattern = jsonencode(merge(
    {
      source      = ["aws.ses"]
      detail-type = ["Email Bounced", "Email Complaint Received"]
    },
    local.event_bridge_sets == null ? {} : {
      detail = { mail = { tags = { "ses:configuration-set" = local.event_bridge_sets } } }
    },
  ))

  tags = var.tags
}

resource "aws_cloudwatch_event_target" "feedback" {
  count = var.event_bridge == null ? 0 : 1

  rule = aws_cloudwatch_event_rule.feedback[0].name
  arn  = module.queue.queue_arn

  dead_letter_config {
    arn = module.undelivered.queue_arn
  }
}
