# Addresses that bounce or complain get no more email, from wherever it is sent.

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

module "suppression" {
  source = "../../modules/ses_event_processing"

  name              = var.name
  configuration_set = { name = "${var.name}-tracked" }

  # All identities of the account, also identities that are verified later.
  identities = {}

  # Configuration sets that publish to EventBridge instead.
  event_bridge = { configuration_sets = [aws_sesv2_configuration_set.newsletter.configuration_set_name] }
}

resource "aws_sesv2_configuration_set" "newsletter" {
  configuration_set_name = "${var.name}-newsletter"
}

data "aws_cloudwatch_event_bus" "default" {
  name = "default"
}

resource "aws_sesv2_configuration_set_event_destination" "newsletter" {
  configuration_set_name = aws_sesv2_configuration_set.newsletter.configuration_set_name
  event_destination_name = "event-bridge"

  event_destination {
    enabled              = true
    matching_event_types = ["BOUNCE", "COMPLAINT"]

    event_bridge_destination {
      event_bus_arn = data.aws_cloudwatch_event_bus.default.arn
    }
  }
}
