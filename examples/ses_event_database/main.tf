# The events of every email that is sent with a configuration set, as tables for SQL.

provider "aws" {
  region = var.region

  default_tags {
    tags = { Project = var.name }
  }
}

# SES mails a verification link to the address; it sends nothing from the address before the link
# was opened.
resource "aws_sesv2_email_identity" "sender" {
  email_identity = var.from_address
}

module "database" {
  source = "../../modules/ses_event_database"

  name              = var.name
  configuration_set = { name = "${var.name}-tracked" }
  buffer_seconds    = var.buffer_seconds

  # `terraform destroy` removes the data of the example too.
  force_destroy = true
}
