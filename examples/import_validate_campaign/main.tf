# A CSV of people arrives in a bucket; each person with a number that can receive SMS gets a greeting.

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
  sms          = { messages_per_second = var.messages_per_second }
}

module "project" {
  source = "../../modules/internal/api_resource"

  name     = "${var.name}-project"
  pinpoint = module.hub.pinpoint
  resources = {
    greeting = {
      type = "SmsTemplate"
      properties = jsonencode({
        TemplateName         = local.template_name
        Body                 = "Hello {{User.UserAttributes.FirstName}}, thanks for joining us. Reply STOP to opt out."
        DefaultSubstitutions = jsonencode({ "User.UserAttributes.FirstName" = "there" })
      })
    }
    sms = {
      type       = "Channel"
      properties = jsonencode({ Channel = "sms", Enabled = true })
    }
  }
}

locals {
  template_name = "${var.name}-greeting"
}

module "import" {
  source = "../../modules/s3_triggered_import"

  name     = "${var.name}-import"
  pinpoint = module.hub.pinpoint

  # `terraform destroy` removes the data of the example too.
  force_destroy = true
}

module "validate" {
  source = "../../modules/phone_number_validate"

  name            = "${var.name}-phone"
  pinpoint        = module.hub.pinpoint
  default_country = "US"
  force_destroy   = true

  validations_per_second = var.validations_per_second
}

module "campaign" {
  source = "../../modules/campaign_create"

  name     = "${var.name}-sms"
  pinpoint = module.hub.pinpoint
}

module "chain" {
  source = "../../modules/import_validate_campaign"

  name              = "${var.name}-chain"
  pinpoint          = module.hub.pinpoint
  sms_template_name = local.template_name
  topic_arns = {
    import   = module.import.topic_arn
    validate = module.validate.topic_arn
  }
  state_machine_arns = {
    campaign = module.campaign.state_machine_arn
    validate = module.validate.state_machine_arn
  }
}
