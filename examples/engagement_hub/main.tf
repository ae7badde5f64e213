# A hub on its own, and a program that was written for Amazon Pinpoint: program.py.

provider "aws" {
  region = var.region

  default_tags {
    tags = { Project = var.name }
  }
}

# SES mails a verification link to the address; it sends nothing from the address before the link
# was opened.
resource "aws_sesv2_email_identity" "sender" {
  count = var.email_from_address == null ? 0 : 1

  email_identity = var.email_from_address
}

module "hub" {
  source = "../../modules/engagement_hub"

  name = var.name
  email = var.email_from_address == null ? null : {
    from_address = var.email_from_address
    identity_arn = one(aws_sesv2_email_identity.sender[*].arn)
  }
  voice = var.voice
}
