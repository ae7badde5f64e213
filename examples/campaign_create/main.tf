# One execution of a state machine creates one campaign and reports how it went.

provider "aws" {
  region = var.region

  default_tags {
    tags = { Project = var.name }
  }
}

module "hub" {
  source = "../../modules/engagement_hub"

  name         = "${var.name}-hub"
  project_name = var.name
}

module "project" {
  source = "../../modules/internal/api_resource"

  name     = "${var.name}-project"
  pinpoint = module.hub.pinpoint
  resources = {
    greeting = {
      type = "SmsTemplate"
      properties = jsonencode({
        TemplateName         = "${var.name}-greeting"
        Body                 = "Hello {{User.UserAttributes.FirstName}}, thanks for joining us."
        DefaultSubstitutions = jsonencode({ "User.UserAttributes.FirstName" = "there" })
      })
    }
    sms = {
      type       = "Channel"
      properties = jsonencode({ Channel = "sms", Enabled = true })
    }
  }
}

module "campaign" {
  source = "../../modules/campaign_create"

  name     = "${var.name}-run"
  pinpoint = module.hub.pinpoint
}
