# The events of a project on a Kinesis stream, for any number of subscribers.

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

module "event_stream" {
  source = "../../modules/event_stream"

  name      = "${var.name}-stream"
  pinpoint  = module.hub.pinpoint
  take_over = var.take_over
}
