# A support case: the messages that a person got in a month.

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

# A simulator number costs a dollar a month and reaches the simulator's destination numbers only. Name
# a phone number, pool or sender ID of the account to reach people.
resource "aws_pinpointsmsvoicev2_phone_number" "simulator" {
  count = var.origination_identity == null ? 1 : 0

  iso_country_code    = "US"
  message_type        = "TRANSACTIONAL"
  number_capabilities = ["SMS", "VOICE"]
  number_type         = "SIMULATOR"
}

module "hub" {
  source = "../../modules/engagement_hub"

  name    = "${var.name}-hub"
  project = { name = var.name }
  email = {
    from_address = var.from_address
    identity_arn = aws_sesv2_email_identity.sender.arn
  }
  sms = {
    origination_identity_arn = var.origination_identity == null ? aws_pinpointsmsvoicev2_phone_number.simulator[0].arn : var.origination_identity.arn
  }
}

module "event_stream" {
  source = "../../modules/event_stream"

  name     = "${var.name}-stream"
  pinpoint = module.hub.pinpoint
}

module "archive" {
  source = "../../modules/message_archiver"

  name                 = "${var.name}-msg"
  pinpoint             = module.hub.pinpoint
  event_stream         = module.event_stream.event_stream
  default_from_address = var.from_address
  batch_window_seconds = var.batch_window_seconds

  # A person with s3:BypassGovernanceRetention can delete a message in the first year.
  object_lock = { mode = "GOVERNANCE", days = 365 }
  glacier     = { after_days = 90 }

  # `terraform destroy` removes the messages of the example too.
  force_destroy = true
}
