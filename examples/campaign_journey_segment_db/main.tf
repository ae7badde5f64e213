# The names of a project's campaigns, journeys and segments, beside its events.

provider "aws" {
  region = var.region

  default_tags {
    tags = { Project = var.name }
  }
}

module "hub" {
  source = "../../modules/engagement_hub"

  name          = "${var.name}-hub"
  project       = { name = var.name }
  entity_events = {}
}

module "event_stream" {
  source = "../../modules/event_stream"

  name     = "${var.name}-stream"
  pinpoint = module.hub.pinpoint
}

module "database" {
  source = "../../modules/pinpoint_event_database"

  name           = "${var.name}-db"
  event_stream   = module.event_stream.event_stream
  database_name  = replace(var.name, "-", "_")
  buffer_seconds = var.buffer_seconds

  # `terraform destroy` removes the data of the example too.
  force_destroy = true
}

module "names" {
  source = "../../modules/campaign_journey_segment_db"

  name           = "${var.name}-entity"
  pinpoint       = module.hub.pinpoint
  entity_events  = module.hub.entity_events
  event_database = module.database.event_database
}
