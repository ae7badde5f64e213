# A CSV of people arrives in a bucket; each person with a number that can receive SMS gets a greeting.

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
    messages_per_second      = var.messages_per_second
  }
}

module "resources" {
  source = "../../modules/pinpoint_resources"

  name     = var.name
  pinpoint = module.hub.pinpoint

  channels = { sms = jsonencode({ Enabled = true }) }

  sms_templates = {
    greeting = jsonencode({
      TemplateName         = local.template_name
      Body                 = "Hello {{User.UserAttributes.FirstName}}, thanks for joining us. Reply STOP to opt out."
      DefaultSubstitutions = jsonencode({ "User.UserAttributes.FirstName" = "there" })
    })
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

  # Modules fit as they are (import = module.import). Named outputs are ready sooner: a reference to a
  # whole module waits for each of its resources, and lifecycle rules of a bucket take a minute.
  import = { topic_arn = module.import.topic_arn }
  validate = {
    state_machine_arn = module.validate.state_machine_arn
    topic_arn         = module.validate.topic_arn
  }
  campaign = { state_machine_arn = module.campaign.state_machine_arn }
}
