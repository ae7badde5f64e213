# Architectures of SES under the key.

# SES mails a verification link to the address; it sends nothing from the address before the link
# was opened.
resource "aws_sesv2_email_identity" "sender" {
  email_identity = var.from_address
}

# Receiving and sending need the domain's DNS.
resource "aws_sesv2_email_identity" "domain" {
  email_identity = var.domain
}

resource "aws_ses_template" "this" {
  for_each = { thanks = "We got your message %%ID%%", letter = "Message {{unique_code}}" }

  name    = "${var.name}-${each.key}"
  subject = each.value
  text    = "Hello, this is the text.\n"
}

module "suppression" {
  source = "../../modules/ses_event_processing"

  name              = "${var.name}-feedback"
  configuration_set = { name = "${var.name}-direct" }
  kms_key           = local.kms_key

  # All identities of the account, also identities that are verified later.
  identities = {}
}

# An account and region has one active rule set; a second one would take its place.
resource "aws_ses_receipt_rule_set" "this" {
  rule_set_name = "${var.name}-rules"
}

resource "aws_ses_active_receipt_rule_set" "this" {
  rule_set_name = aws_ses_receipt_rule_set.this.rule_set_name
}

module "auto_reply" {
  source = "../../modules/ses_auto_reply"

  name          = "${var.name}-help"
  template      = { name = aws_ses_template.this["thanks"].name }
  recipients    = ["help@${var.domain}"]
  identity_arns = [aws_sesv2_email_identity.domain.arn]
  rule_set      = { name = aws_ses_receipt_rule_set.this.rule_set_name }
  kms_key       = local.kms_key
}

# Without it SES counts nothing. It is a setting of the whole account in this region, with a price per
# email, and destroying the example turns it off.
resource "aws_sesv2_account_vdm_attributes" "this" {
  count = var.enable_vdm ? 1 : 0

  vdm_enabled = "ENABLED"
}

module "vdm_export" {
  source = "../../modules/ses_vdm_export"

  name          = "${var.name}-report"
  force_destroy = true
  kms_key       = local.kms_key
}

module "sending" {
  source = "../../modules/ses_load_testing"

  name = "${var.name}-queue"
  sending = {
    identity_arns      = [aws_sesv2_email_identity.sender.arn]
    configuration_sets = [module.email_database.configuration_set_name]
    templates          = [aws_ses_template.this["letter"].name]
  }
  kms_key = local.kms_key
}
