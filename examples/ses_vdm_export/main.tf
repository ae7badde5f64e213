# How the emails of the month before did, by sending identity and mailbox provider, as a file on the
# 1st of each month.

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

# Without it SES counts nothing. It is a setting of the whole account in this region, with a price per
# email, and destroying the example turns it off.
resource "aws_sesv2_account_vdm_attributes" "this" {
  count = var.enable_vdm ? 1 : 0

  vdm_enabled = "ENABLED"

  dashboard_attributes {
    engagement_metrics = "ENABLED"
  }
}

module "export" {
  source = "../../modules/ses_vdm_export"

  name = var.name
  dimensions = {
    EMAIL_IDENTITY = ["*"]
    ISP            = ["*"]
  }
  metrics = [
    { name = "SEND", aggregation = "VOLUME" },
    { name = "DELIVERY", aggregation = "VOLUME" },
    { name = "PERMANENT_BOUNCE", aggregation = "VOLUME" },
    { name = "COMPLAINT", aggregation = "VOLUME" },
    { name = "DELIVERY", aggregation = "RATE" },
    { name = "OPEN", aggregation = "RATE" },
    { name = "CLICK", aggregation = "RATE" },
  ]
  subscriptions   = { for address in var.email_addresses : address => { protocol = "email", endpoint = address } }
  timeout_seconds = var.timeout_seconds

  # `terraform destroy` removes the data of the example too.
  force_destroy = true
}
