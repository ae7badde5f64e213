# Events of the project, of SES and of SMS, each in a database under the key.

module "event_stream" {
  source = "../../modules/event_stream"

  name     = "${var.name}-stream"
  pinpoint = module.hub.pinpoint
  kms_key  = local.kms_key
}

module "project_database" {
  source = "../../modules/pinpoint_event_database"

  name           = "${var.name}-project"
  event_stream   = module.event_stream.event_stream
  buffer_seconds = var.buffer_seconds
  force_destroy  = true
  kms_key        = local.kms_key
}

module "project_suppression" {
  source = "../../modules/pinpoint_event_processing"

  name         = "${var.name}-bounces"
  event_stream = module.event_stream.event_stream
  kms_key      = local.kms_key
}

module "email_database" {
  source = "../../modules/ses_event_database"

  name              = "${var.name}-email"
  configuration_set = { name = "${var.name}-queue" }
  buffer_seconds    = var.buffer_seconds
  force_destroy     = true
  kms_key           = local.kms_key
}

module "sms_database" {
  source = "../../modules/sms_event_database"

  name              = "${var.name}-texts"
  configuration_set = { name = "${var.name}-texts" }
  buffer_seconds    = var.buffer_seconds
  force_destroy     = true
  kms_key           = local.kms_key
}
