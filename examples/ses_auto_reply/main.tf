# Two unattended mailboxes answer: one with an SES template, one with a template of a hub.

provider "aws" {
  region = var.region

  default_tags {
    tags = { Project = var.name }
  }
}

# Receiving and sending need the domain's DNS: see the outputs.
resource "aws_sesv2_email_identity" "domain" {
  email_identity = var.domain
}

# An account and region has one active rule set; a second one would take its place.
resource "aws_ses_receipt_rule_set" "this" {
  count = var.rule_set_name == null ? 1 : 0

  rule_set_name = "${var.name}-rules"
}

resource "aws_ses_active_receipt_rule_set" "this" {
  count = var.rule_set_name == null ? 1 : 0

  rule_set_name = aws_ses_receipt_rule_set.this[0].rule_set_name
}

locals {
  rule_set = var.rule_set_name == null ? aws_ses_receipt_rule_set.this[0].rule_set_name : var.rule_set_name
}

resource "aws_ses_template" "thanks" {
  name    = "${var.name}-thanks"
  subject = "We got your message:"
  html    = "<p>Hello,</p><p>nobody reads this mailbox. Your message, from %%NAME%%, has the number <b>%%ID%%</b>; quote it when you call us.</p><p>%%ID%%</p>"
  text    = "Hello,\n\nnobody reads this mailbox. Your message, from %%NAME%%, has the number %%ID%%; quote it when you call us.\n\n%%ID%%\n"
}

module "help" {
  source = "../../modules/ses_auto_reply"

  name          = "${var.name}-help"
  template      = { name = aws_ses_template.thanks.name }
  recipients    = ["help@${var.domain}", "support@${var.domain}"]
  from_address  = "help@${var.domain}"
  identity_arns = [aws_sesv2_email_identity.domain.arn]
  rule_set      = { name = local.rule_set }
  window_hours  = var.window_hours
}

module "hub" {
  source = "../../modules/engagement_hub"

  name    = "${var.name}-hub"
  project = { name = var.name }
}

module "resources" {
  source = "../../modules/pinpoint_resources"

  name     = var.name
  pinpoint = module.hub.pinpoint

  email_templates = {
    orders = jsonencode({
      TemplateName = "${var.name}-orders"
      Subject      = "Your order:"
      HtmlPart     = "<p>Hello,</p><p>orders are taken in our shop only. Your message, from %%NAME%%: %%ID%%.</p>"
      TextPart     = "Hello,\n\norders are taken in our shop only. Your message, from %%NAME%%: %%ID%%.\n"
    })
  }
}

module "orders" {
  source = "../../modules/ses_auto_reply"

  name          = "${var.name}-orders"
  pinpoint      = module.hub.pinpoint
  template      = { name = "${var.name}-orders", source = "PINPOINT" }
  recipients    = ["orders@${var.domain}"]
  identity_arns = [aws_sesv2_email_identity.domain.arn]
  rule_set      = { name = local.rule_set }
  after         = module.help.rule_name
  window_hours  = var.window_hours
}
