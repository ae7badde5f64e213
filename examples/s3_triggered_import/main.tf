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

  # An example is taken down with what was tried in it.
  force_destroy = true
}
