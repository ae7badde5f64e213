# A hub whose project has a journey by text message: program.py makes and publishes it.

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

  name    = var.name
  project = { name = "trial" }
  sms = {
    origination_identity_arn = var.origination_identity == null ? aws_pinpointsmsvoicev2_phone_number.simulator[0].arn : var.origination_identity.arn
  }
}
