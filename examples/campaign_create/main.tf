# One execution of a state machine creates one campaign and reports how it went.

provider "aws" {
  region = var.region

  default_tags {
    tags = { Project = var.name }
  }
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

  sms = {
    origination_identity_arn = var.origination_identity == null ? aws_pinpointsmsvoicev2_phone_number.simulator[0].arn : var.origination_identity.arn
  }
}

module "resources" {
  source = "../../modules/pinpoint_resources"

  name     = var.name
  pinpoint = module.hub.pinpoint

  channels = { sms = jsonencode({ Enabled = true }) }

  sms_templates = {
    greeting = jsonencode({
      TemplateName         = "${var.name}-greeting"
      Body                 = "Hello {{User.UserAttributes.FirstName}}, thanks for joining us."
      DefaultSubstitutions = jsonencode({ "User.UserAttributes.FirstName" = "there" })
    })
  }
}

module "campaign" {
  source = "../../modules/campaign_create"

  name     = "${var.name}-run"
  pinpoint = module.hub.pinpoint
}
