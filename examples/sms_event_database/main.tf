# The events of every text message that is sent with a configuration set, as tables for SQL.

provider "aws" {
  region = var.region

  default_tags {
    tags = { Project = var.name }
  }
}

module "database" {
  source = "../../modules/sms_event_database"

  name              = var.name
  configuration_set = { name = "${var.name}-tracked" }
  buffer_seconds    = var.buffer_seconds

  # `terraform destroy` removes the data of the example too.
  force_destroy = true
}
