# Email that programs send through SES and messages that a project sends, in one table.

provider "aws" {
  region = var.region

  default_tags {
    tags = { Project = var.name }
  }
}

# SES mails a verification link to the address; it sends nothing from the address before the link
# was opened.
resource "aws_sesv2_email_identity" "sender" {
  email_identity = var.from_address
}

# Programs name this configuration set when they send through SES; its events go directly to the
# database.
resource "aws_sesv2_configuration_set" "direct" {
  configuration_set_name = "${var.name}-direct"
}

# The hub sends with this configuration set. Its events reach the database through the project's
# event stream; a second, direct path would deliver each event twice.
resource "aws_sesv2_configuration_set" "hub" {
  configuration_set_name = "${var.name}-hub"
}

# The same for its texts.
resource "aws_pinpointsmsvoicev2_configuration_set" "hub" {
  name = "${var.name}-hub"
}

# A simulator number costs a dollar a month and reaches the simulator's destination numbers only. Name
# a phone number, pool or sender ID of the account to reach people.
resource "aws_pinpointsmsvoicev2_phone_number" "simulator" {
  count = var.origination_identity == null ? 1 : 0

  iso_country_code    = "US"
  message_type        = "TRANSACTIONAL"
  number_capabilities = ["SMS", "VOICE"]
  number_type         = "SIMULATOR"
}

module "hub" {
  source = "../../modules/engagement_hub"

  name    = "${var.name}-hub"
  project = { name = var.name }
  email = {
    from_address      = var.from_address
    identity_arn      = aws_sesv2_email_identity.sender.arn
    configuration_set = { name = aws_sesv2_configuration_set.hub.configuration_set_name }
  }
  sms = {
    origination_identity_arn = var.origination_identity == null ? aws_pinpointsmsvoicev2_phone_number.simulator[0].arn : var.origination_identity.arn
    configuration_set        = { name = aws_pinpointsmsvoicev2_configuration_set.hub.name }
  }
}

module "event_stream" {
  source = "../../modules/event_stream"

  name     = "${var.name}-stream"
  pinpoint = module.hub.pinpoint
}

module "database" {
  source = "../../modules/pinpoint_event_database"

  name                   = "${var.name}-db"
  event_stream           = module.event_stream.event_stream
  ses_configuration_sets = { direct = aws_sesv2_configuration_set.direct.configuration_set_name }
  database_name          = replace(var.name, "-", "_")
  buffer_seconds         = var.buffer_seconds

  # `terraform destroy` removes the data of the example too.
  force_destroy = true
}
