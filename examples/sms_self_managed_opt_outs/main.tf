# STOP ends the promotional messages of a shop, and its transactional messages still arrive.

provider "aws" {
  region = var.region

  default_tags {
    tags = { Project = var.name }
  }
}

# Stand-ins for numbers that you have: the module changes the settings of an existing number, so this
# root ignores them. A number that Terraform made can have them as arguments, with manage = false.
resource "aws_pinpointsmsvoicev2_phone_number" "this" {
  for_each = { promotional = "PROMOTIONAL", transactional = "TRANSACTIONAL" }

  iso_country_code    = "US"
  message_type        = each.value
  number_type         = "LONG_CODE"
  number_capabilities = ["SMS"]

  lifecycle {
    ignore_changes = [opt_out_list_name, self_managed_opt_outs_enabled, tags, two_way_channel_arn, two_way_channel_enabled]
  }
}

resource "aws_pinpointsmsvoicev2_configuration_set" "hub" {
  name = "${var.name}-hub"
}

module "hub" {
  source = "../../modules/engagement_hub"

  name    = "${var.name}-hub"
  project = { name = var.name }
  sms = {
    origination_identity_arn        = aws_pinpointsmsvoicev2_phone_number.this["promotional"].arn
    other_origination_identity_arns = [aws_pinpointsmsvoicev2_phone_number.this["transactional"].arn]
    configuration_set               = { name = aws_pinpointsmsvoicev2_configuration_set.hub.name }
  }
}

module "event_stream" {
  source = "../../modules/event_stream"

  name     = "${var.name}-stream"
  pinpoint = module.hub.pinpoint
}

module "opt_outs" {
  source = "../../modules/sms_self_managed_opt_outs"

  name         = "${var.name}-sms"
  pinpoint     = module.hub.pinpoint
  event_stream = module.event_stream.event_stream
  phone_numbers = {
    promotional   = { arn = aws_pinpointsmsvoicev2_phone_number.this["promotional"].arn, category = "promotional" }
    transactional = { arn = aws_pinpointsmsvoicev2_phone_number.this["transactional"].arn, category = "transactional" }
  }
  categories = { promotional = {}, transactional = {} }
}

# The people that a promotional campaign may be sent to.
module "segments" {
  source = "../../modules/pinpoint_resources"

  name     = "${var.name}-segments"
  pinpoint = module.hub.pinpoint

  segments = {
    may_advertise = jsonencode({
      Name = "SMS, not opted out of promotional messages"
      Dimensions = {
        Attributes = {
          sms_opt_outs = { AttributeType = "EXCLUSIVE", Values = ["promotional"] }
        }
        Demographic = { Channel = { DimensionType = "INCLUSIVE", Values = ["SMS"] } }
      }
    })
  }
}
