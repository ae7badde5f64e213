# What became of every email that is sent with a configuration set, as tables that answer SQL.

provider "aws" {
  region = var.region

  default_tags {
    tags = { Project = var.name }
  }
}

# SES mails a link to the address; nothing is sent before somebody has followed it.
resource "aws_sesv2_email_identity" "sender" {
  email_identity = var.from_address
}

module "database" {
  source = "../../modules/ses_event_database"

  name              = var.name
  configuration_set = { name = "${var.name}-tracked" }
  buffer_seconds    = var.buffer_seconds

  # An example is taken down with what was tried in it.
  force_destroy = true
}
