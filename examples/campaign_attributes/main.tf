# A campaign's email has a personal offer, which is read when the campaign sends. A customer without an
# offer gets the offer for all, and a person without a customer number gets no email.

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

module "hub" {
  source = "../../modules/engagement_hub"

  name    = "${var.name}-hub"
  project = { name = var.name }
  email = {
    from_address = var.from_address
    identity_arn = aws_sesv2_email_identity.sender.arn
  }
}

module "offers" {
  source = "../../modules/campaign_attributes"

  name          = var.name
  pinpoint      = module.hub.pinpoint
  campaign_role = { arn = module.hub.campaign_role_arn }

  key        = "User.UserId"
  attributes = { Offer = { from = "offer", default = "10 % off everything" } }
  on_failure = { no_key = "drop_recipient" }
}

# In production another program writes the offers, such as a nightly job of the shop.
resource "aws_dynamodb_table_item" "offer" {
  for_each = var.offers

  table_name = module.offers.table_name
  hash_key   = "id"

  item = jsonencode({
    id    = { S = each.key }
    offer = { S = each.value }
  })
}

module "segments" {
  source = "../../modules/pinpoint_resources"

  name     = "${var.name}-segments"
  pinpoint = module.hub.pinpoint

  segments = {
    subscribers = jsonencode({
      Name       = "subscribers of offers"
      Dimensions = { Attributes = { newsletter = { AttributeType = "INCLUSIVE", Values = ["offers"] } } }
    })
  }
}
