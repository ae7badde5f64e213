# A campaign whose subject and HTML are in a bucket, by language and by treatment of an A/B test.

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

module "templates" {
  source = "../../modules/campaign_templates"

  name          = "${var.name}-emails"
  pinpoint      = module.hub.pinpoint
  campaign_role = { arn = module.hub.campaign_role_arn }

  default_template = "welcome"
  template_rules = [
    { template = "welcome-short", treatments = ["1"] },
    { template = "members", user_attributes = { Tier = ["gold", "silver"] } },
  ]

  # A recipient without content gets this email, and an alarm tells about it.
  failure_policy = "send_default"
  default_content = {
    subject = "Welcome"
    html    = "<p>Welcome, {{User.UserAttributes.FirstName}}!</p>"
  }

  # Each locale of the template is a template of the project too.
  publish = { templates = ["welcome"] }

  force_destroy = true
}

locals {
  # Files contents/<template>/<locale>.html; the first line is the subject.
  contents = {
    for file in fileset("${path.module}/contents", "*/*.html") :
    trimsuffix(file, ".html") => split("\n", file("${path.module}/contents/${file}"))
  }
}

# Authors can write the objects with any other program. A new version is used within five minutes.
resource "aws_s3_object" "content" {
  for_each = local.contents

  bucket       = module.templates.bucket_name
  key          = "templates/${each.key}.json"
  content_type = "application/json"
  content = jsonencode({
    subject  = each.value[0]
    html     = join("\n", slice(each.value, 1, length(each.value)))
    defaults = { "User.UserAttributes.FirstName" = "👋" }
  })
}

# The template that the campaign names. Its parts are the attributes that the hook sets.
module "shell" {
  source = "../../modules/pinpoint_resources"

  name     = "${var.name}-shell"
  pinpoint = module.hub.pinpoint

  email_templates = {
    shell = jsonencode(merge({ TemplateName = "${var.name}-shell" }, module.templates.shell))
  }
  segments = {
    everyone = jsonencode({ Name = "everyone with an email", Dimensions = { Demographic = {
      Channel = { DimensionType = "INCLUSIVE", Values = ["EMAIL"] }
    } } })
  }
}
