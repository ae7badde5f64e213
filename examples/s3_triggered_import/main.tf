# Files dropped into a bucket become endpoints and a segment.

provider "aws" {
  region = var.region

  default_tags {
    tags = { Project = var.name }
  }
}

module "hub" {
  source = "../../modules/engagement_hub"

  name    = "${var.name}-hub"
  project = { name = var.name }
}

module "import" {
  source = "../../modules/s3_triggered_import"

  name     = "${var.name}-import"
  pinpoint = module.hub.pinpoint

  # `terraform destroy` removes the data of the example too.
  force_destroy = true
}

# The export of a CRM as its users download it. Contacts without a number are left out.
module "contacts" {
  source = "../../modules/s3_triggered_import"

  name     = "${var.name}-contacts"
  pinpoint = module.hub.pinpoint
  column_mapping = {
    columns = {
      "Phone Number" = "Address"
      "First Name"   = "User.UserAttributes.FirstName"
      "Record ID"    = "User.UserId"
    }
    constants = { ChannelType = "SMS" }
  }

  # `terraform destroy` removes the data of the example too.
  force_destroy = true
}
