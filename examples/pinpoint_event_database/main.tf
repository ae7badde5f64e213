# The events of a project as tables for SQL.

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

module "event_stream" {
  source = "../../modules/event_stream"

  name     = "${var.name}-stream"
  pinpoint = module.hub.pinpoint
}

module "database" {
  source = "../../modules/pinpoint_event_database"

  name           = "${var.name}-db"
  event_stream   = module.event_stream.event_stream
  database_name  = replace(var.name, "-", "_")
  buffer_seconds = var.buffer_seconds

  # `terraform destroy` removes the data of the example too.
  force_destroy = true
}
