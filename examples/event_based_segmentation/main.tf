# People move between segments by the events of their emails and of an app, and a campaign reaches the
# people who are in a segment when it runs.

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

# The hub sends with this configuration set; its events, such as opens, go to the project's event
# stream.
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

module "segmentation" {
  source = "../../modules/event_based_segmentation"

  name         = "${var.name}-rules"
  pinpoint     = module.hub.pinpoint
  event_stream = module.event_stream.event_stream

  # An open of Apple's Mail Privacy Protection happens without a reader.
  machine_opens = { contains = [] }
}

# A segment is evaluated when a campaign runs, so it has the people of that moment.
module "segments" {
  source = "../../modules/pinpoint_resources"

  name     = "${var.name}-segments"
  pinpoint = module.hub.pinpoint

  segments = {
    registered = jsonencode({
      Name = "registered for webinar 5"
      Dimensions = {
        Attributes = { webinar_registration = { AttributeType = "INCLUSIVE", Values = ["webinar5"] } }
      }
    })
    undecided = jsonencode({
      Name = "opened an email, not registered"
      Dimensions = {
        Attributes = {
          email_opened         = { AttributeType = "INCLUSIVE", Values = ["true"] }
          webinar_registration = { AttributeType = "EXCLUSIVE", Values = ["webinar5"] }
        }
      }
    })
  }
}
