# Phone numbers of a project are validated and cleansed.

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

module "validate" {
  source = "../../modules/phone_number_validate"

  name            = "${var.name}-run"
  pinpoint        = module.hub.pinpoint
  default_country = "US"

  # `terraform destroy` removes the data of the example too.
  force_destroy = true
}
