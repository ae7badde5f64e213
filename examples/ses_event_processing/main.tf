# Addresses that bounce or complain get no more email, from wherever it is sent.

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

module "suppression" {
  source = "../../modules/ses_event_processing"

  name              = var.name
  configuration_set = { name = "${var.name}-tracked" }

  # All identities of the account, also identities that are verified later.
  identities = {}
}
