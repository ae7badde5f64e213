# A text message that a phone could not get is sent again: a campaign's, and a one-time password.

provider "aws" {
  region = var.region

  default_tags {
    tags = { Project = var.name }
  }
}

# A simulator number costs a dollar a month and reaches the simulator's destination numbers only. Name
# a phone number of the account to reach people.
resource "aws_pinpointsmsvoicev2_phone_number" "simulator" {
  count = var.origination_number == null ? 1 : 0

  iso_country_code    = "US"
  message_type        = "TRANSACTIONAL"
  number_capabilities = ["SMS", "VOICE"]
  number_type         = "SIMULATOR"
}

# The hub sends with this configuration set, and so do retries: the events of both go to the project's
# event stream.
resource "aws_pinpointsmsvoicev2_configuration_set" "texts" {
  name = "${var.name}-texts"
}

locals {
  number_arn = var.origination_number == null ? aws_pinpointsmsvoicev2_phone_number.simulator[0].arn : var.origination_number.arn
}

module "hub" {
  source = "../../modules/engagement_hub"

  name    = "${var.name}-hub"
  project = { name = var.name }
  sms = {
    origination_identity_arn = local.number_arn
    configuration_set        = { name = aws_pinpointsmsvoicev2_configuration_set.texts.name }
  }
}

module "event_stream" {
  source = "../../modules/event_stream"

  name     = "${var.name}-stream"
  pinpoint = module.hub.pinpoint
}

module "retry" {
  source = "../../modules/sms_retry"

  name                      = "${var.name}-again"
  configuration_set         = { name = aws_pinpointsmsvoicev2_configuration_set.texts.name }
  event_stream              = module.event_stream.event_stream
  origination_identity_arns = [local.number_arn]
  pinpoint                  = module.hub.pinpoint
  retry                     = { delays_seconds = var.delays_seconds }
}

# Texts that programs send without a project, such as a taxi's: their events come from their own
# configuration set.
resource "aws_pinpointsmsvoicev2_configuration_set" "direct" {
  name = "${var.name}-direct"
}

module "direct_retry" {
  source = "../../modules/sms_retry"

  name                      = "${var.name}-direct"
  configuration_set         = { name = aws_pinpointsmsvoicev2_configuration_set.direct.name }
  origination_identity_arns = [local.number_arn]
  retry                     = { delays_seconds = var.delays_seconds }
}
