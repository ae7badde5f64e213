# A campaign calls customers: Amazon Connect speaks a message that is rendered for each of them, in the
# hours of their time zone.

provider "aws" {
  region = var.region

  default_tags {
    tags = { Project = var.name }
  }
}

data "aws_caller_identity" "current" {}

module "hub" {
  source = "../../modules/engagement_hub"

  name    = "${var.name}-hub"
  project = { name = var.name }
}

module "event_stream" {
  source = "../../modules/event_stream"

  name     = "${var.name}-stream"
  pinpoint = module.hub.pinpoint
}

# The alias is unique in all of AWS.
resource "aws_connect_instance" "this" {
  identity_management_type = "CONNECT_MANAGED"
  inbound_calls_enabled    = false
  outbound_calls_enabled   = true
  instance_alias           = "${var.name}-${data.aws_caller_identity.current.account_id}"
}

resource "aws_connect_phone_number" "caller_id" {
  target_arn   = aws_connect_instance.this.arn
  country_code = var.country_code
  type         = "DID"
}

# Says the attribute `Message` of the contact, and hangs up.
resource "aws_connect_contact_flow" "offer" {
  instance_id = aws_connect_instance.this.id
  name        = "Offer"
  description = "Says the message of a campaign, and hangs up."

  content = jsonencode({
    Version     = "2019-10-30"
    StartAction = "say"
    Actions = [
      {
        Identifier = "say"
        Type       = "MessageParticipant"
        Parameters = { Text = "$.Attributes.Message" }
        Transitions = {
          NextAction = "hang-up"
          Errors     = [{ NextAction = "hang-up", ErrorType = "NoMatchingError" }]
          Conditions = []
        }
      },
      {
        Identifier  = "hang-up"
        Type        = "DisconnectParticipant"
        Parameters  = {}
        Transitions = {}
      },
    ]
  })
}

module "calls" {
  source = "../../modules/connect_campaign_channel"

  name          = "${var.name}-calls"
  pinpoint      = module.hub.pinpoint
  campaign_role = { arn = module.hub.campaign_role_arn }

  channel = {
    connect = {
      instance_id         = aws_connect_instance.this.id
      contact_flow_id     = aws_connect_contact_flow.offer.contact_flow_id
      source_phone_number = aws_connect_phone_number.caller_id.phone_number
    }
  }
}

module "segments" {
  source = "../../modules/pinpoint_resources"

  name     = "${var.name}-segments"
  pinpoint = module.hub.pinpoint

  segments = {
    customers = jsonencode({
      Name = "customers to call"
      Dimensions = {
        Attributes = { call = { AttributeType = "INCLUSIVE", Values = ["yes"] } }
      }
    })
  }
}
