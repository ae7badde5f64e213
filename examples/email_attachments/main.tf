# Monthly statements: a campaign sends each customer the own statement, and a second one a link to the
# terms for all.

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

# The hub and the channel send with this configuration set; its events, such as bounces, go to the
# project's event stream with the ids of the campaign and the endpoint.
resource "aws_sesv2_configuration_set" "statements" {
  configuration_set_name = "${var.name}-email"
}

module "hub" {
  source = "../../modules/engagement_hub"

  name    = "${var.name}-hub"
  project = { name = var.name }
  email = {
    from_address      = var.from_address
    identity_arn      = aws_sesv2_email_identity.sender.arn
    configuration_set = { name = aws_sesv2_configuration_set.statements.configuration_set_name }
  }
}

module "event_stream" {
  source = "../../modules/event_stream"

  name     = "${var.name}-stream"
  pinpoint = module.hub.pinpoint
}

module "attachments" {
  source = "../../modules/email_attachments"

  name          = "${var.name}-mail"
  pinpoint      = module.hub.pinpoint
  campaign_role = { arn = module.hub.campaign_role_arn }
  email = {
    from_address        = "Example Bank <${var.from_address}>"
    identity_arn        = aws_sesv2_email_identity.sender.arn
    configuration_set   = { name = aws_sesv2_configuration_set.statements.configuration_set_name }
    messages_per_second = 5
  }
  files       = { prefix = "statements/", expiration_days = 90 }
  unsubscribe = { url = "https://bank.example.com/unsubscribe?who={{Id}}" }

  # `terraform destroy` removes the files of the example too.
  force_destroy = true
}

module "content" {
  source = "../../modules/pinpoint_resources"

  name     = "${var.name}-content"
  pinpoint = module.hub.pinpoint

  email_templates = {
    statement = jsonencode({
      TemplateName         = "${var.name}-statement"
      Subject              = "Your statement of October, {{User.UserAttributes.FirstName}}"
      HtmlPart             = "<p>Dear {{User.UserAttributes.FirstName}},</p><p>your statement is attached.</p>"
      TextPart             = "Dear {{User.UserAttributes.FirstName}}, your statement is attached."
      DefaultSubstitutions = jsonencode({ "User.UserAttributes.FirstName" = "customer" })
    })
    terms = jsonencode({
      TemplateName         = "${var.name}-terms"
      Subject              = "New terms, {{User.UserAttributes.FirstName}}"
      HtmlPart             = "<p><a href=\"{{S3URL}}\">Read the new terms</a> within the hour.</p>"
      TextPart             = "Read the new terms within the hour: {{S3URL}}"
      DefaultSubstitutions = jsonencode({ "User.UserAttributes.FirstName" = "customer" })
    })
  }

  segments = {
    customers = jsonencode({
      Name       = "customers"
      Dimensions = { Demographic = { Channel = { DimensionType = "INCLUSIVE", Values = ["EMAIL"] } } }
    })
  }
}
