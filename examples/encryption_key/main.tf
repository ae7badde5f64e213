# Every architecture under one customer managed KMS key. This file: the key, a hub, and the chain from a
# file of people to text messages.

provider "aws" {
  region = var.region

  default_tags {
    tags = { Project = var.name }
  }
}

module "encryption_key" {
  source = "../../modules/encryption_key"

  name                 = var.name
  deployers            = var.deployers
  deletion_window_days = var.deletion_window_days
}

locals {
  kms_key       = module.encryption_key.kms_key
  template_name = "${var.name}-greeting"
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

# The hub sends with these configuration sets; its events go to the project's event stream.
resource "aws_sesv2_configuration_set" "hub" {
  configuration_set_name = "${var.name}-hub"
}

resource "aws_pinpointsmsvoicev2_configuration_set" "hub" {
  name = "${var.name}-hub"
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
  sms = {
    origination_identity_arn = var.origination_identity == null ? aws_pinpointsmsvoicev2_phone_number.simulator[0].arn : var.origination_identity.arn
    configuration_set        = { name = aws_pinpointsmsvoicev2_configuration_set.hub.name }
  }
  kms_key = local.kms_key
}

module "resources" {
  source = "../../modules/pinpoint_resources"

  name     = var.name
  pinpoint = module.hub.pinpoint
  kms_key  = local.kms_key

  channels = { sms = jsonencode({ Enabled = true }) }

  sms_templates = {
    greeting = jsonencode({
      TemplateName         = local.template_name
      Body                 = "Hello {{User.UserAttributes.FirstName}}, thanks for joining us. Reply STOP to opt out."
      DefaultSubstitutions = jsonencode({ "User.UserAttributes.FirstName" = "there" })
    })
  }
}

module "import" {
  source = "../../modules/s3_triggered_import"

  name          = "${var.name}-import"
  pinpoint      = module.hub.pinpoint
  force_destroy = true
  kms_key       = local.kms_key
}

module "validate" {
  source = "../../modules/phone_number_validate"

  name            = "${var.name}-phone"
  pinpoint        = module.hub.pinpoint
  default_country = "US"
  force_destroy   = true
  kms_key         = local.kms_key
}

module "campaign" {
  source = "../../modules/campaign_create"

  name     = "${var.name}-sms"
  pinpoint = module.hub.pinpoint
  kms_key  = local.kms_key
}

module "chain" {
  source = "../../modules/import_validate_campaign"

  name              = "${var.name}-chain"
  pinpoint          = module.hub.pinpoint
  sms_template_name = local.template_name
  kms_key           = local.kms_key

  # Modules fit as they are (import = module.import). Named outputs are ready sooner: a reference to a
  # whole module waits for each of its resources, and lifecycle rules of a bucket take a minute.
  import = { topic_arn = module.import.topic_arn }
  validate = {
    state_machine_arn = module.validate.state_machine_arn
    topic_arn         = module.validate.topic_arn
    kms_key           = local.kms_key
  }
  campaign = {
    state_machine_arn = module.campaign.state_machine_arn
    kms_key           = local.kms_key
  }
}
