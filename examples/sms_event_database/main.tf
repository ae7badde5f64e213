# What became of every text message that is sent with a configuration set, as tables that answer SQL.

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

  # An example is taken down with what was tried in it.
  force_destroy = true
}
