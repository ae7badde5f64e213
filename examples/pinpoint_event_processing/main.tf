# Addresses that bounce or complain in a project get no more email, from wherever it is sent.

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

# The hub sends with this configuration set; its events go to the project's event stream.
resource "aws_sesv2_configuration_set" "hub" {
  configuration_set_name = "${var.name}-hub"
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
}

module "event_stream" {
  source = "../../modules/event_stream"

  name     = "${var.name}-stream"
  pinpoint = module.hub.pinpoint
}

module "suppression" {
  source = "../../modules/pinpoint_event_processing"

  name         = "${var.name}-suppression"
  event_stream = module.event_stream.event_stream
}
