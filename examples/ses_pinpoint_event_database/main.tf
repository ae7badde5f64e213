# Email that programs send through SES, and what a project sends to its people, in one table.

provider "aws" {
  region = var.region

  default_tags {
    tags = { Project = var.name }
  }
}

# SES mails a link to the address; nothing is sent before somebody has followed it.
resource "aws_sesv2_email_identity" "sender" {
  email_identity = var.from_address
}

# What programs name when they send through SES: its events go straight to the database.
resource "aws_sesv2_configuration_set" "direct" {
  configuration_set_name = "${var.name}-direct"
}

# What the hub sends with. Its events go to the project's event stream, and by that to the database;
# were they sent to the database too, each would come twice.
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

  # An example is taken down with what was tried in it.
  force_destroy = true
}
