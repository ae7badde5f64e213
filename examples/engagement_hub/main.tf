# A hub on its own, and a program that was written for Amazon Pinpoint: program.py.

provider "aws" {
  region = var.region

  default_tags {
    tags = { Project = var.name }
  }
}

module "hub" {
  source = "../../modules/engagement_hub"

  name = var.name
}
