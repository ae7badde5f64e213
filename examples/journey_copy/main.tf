# A marketer drafts journeys in staging. Terraform and a state machine copy them to production.

provider "aws" {
  region = var.region

  default_tags {
    tags = { Project = var.name }
  }
}

module "staging" {
  source = "../../modules/engagement_hub"

  name    = "${var.name}-staging"
  project = { name = "${var.name}-staging" }
}

module "production" {
  source = "../../modules/engagement_hub"

  name    = "${var.name}-live"
  project = { name = "${var.name}-live" }
}

# Segment and templates of the journey that draft_journey.py creates.
module "staging_resources" {
  source = "../../modules/pinpoint_resources"

  name     = "${var.name}-things"
  pinpoint = module.staging.pinpoint

  segments = {
    new_customers = jsonencode({
      Name       = "new customers"
      Dimensions = { UserAttributes = { Stage = { AttributeType = "INCLUSIVE", Values = ["new"] } } }
    })
  }

  email_templates = {
    welcome = jsonencode({
      TemplateName = "${var.name}-welcome"
      Subject      = "Welcome, {{User.UserAttributes.FirstName}}"
      HtmlPart     = "<p>Your first order has free delivery.</p>"
      TextPart     = "Your first order has free delivery."
    })
  }

  sms_templates = {
    reminder = jsonencode({
      TemplateName = "${var.name}-reminder"
      Body         = "Free delivery ends on Sunday."
    })
  }
}

module "journeys" {
  source = "../../modules/journey_copy"

  name = "${var.name}-copy"
  from = { pinpoint = module.staging.pinpoint }
  to   = { pinpoint = module.production.pinpoint }

  # Every journey of staging, at each new revision.
  copy_on_apply = {
    delete_copies_on_destroy = true
    revision                 = var.revision
  }

  force_destroy = true # the reports of an example
}
