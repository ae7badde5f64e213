# Addresses that bounce or complain get no more email, from wherever it is sent.

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

module "suppression" {
  source = "../../modules/ses_event_processing"

  name              = var.name
  configuration_set = { name = "${var.name}-tracked" }

  # All identities of the account, with those that are verified later.
  identities = {}
}
