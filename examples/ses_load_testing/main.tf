# Emails queued by the thousand and sent at the account's rate, with their events in tables.

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

resource "aws_ses_template" "simple" {
  name    = "${var.name}-simple-email"
  subject = "Message {{unique_code}}"
  html    = "<p>Hello {{first_name}}, this is message {{unique_code}}.</p>"
  text    = "Hello {{first_name}}, this is message {{unique_code}}."
}

# The events of every email: which were sent, by campaign, and whether an email went out twice.
module "database" {
  source = "../../modules/ses_event_database"

  name              = "${var.name}-events"
  configuration_set = { name = "${var.name}-tracked" }
  buffer_seconds    = var.buffer_seconds

  # `terraform destroy` removes the data of the example too.
  force_destroy = true
}

module "sending" {
  source = "../../modules/ses_load_testing"

  name      = var.name
  dashboard = true
  sending = {
    identity_arns      = [aws_sesv2_email_identity.sender.arn]
    configuration_sets = [module.database.configuration_set_name]
    templates          = [aws_ses_template.simple.name]
  }
}
