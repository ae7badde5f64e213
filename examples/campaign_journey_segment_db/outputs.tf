output "api_url" {
  description = "Address of the Pinpoint-compatible API."
  value       = module.hub.api_url
}

output "athena_database" {
  description = "Database to name in queries."
  value       = module.database.athena_database
}

output "athena_workgroup" {
  description = "Workgroup to ask queries in."
  value       = module.database.athena_workgroup
}

output "campaigns_table" {
  description = "Table of campaigns and journeys."
  value       = module.names.campaigns_table_name
}

output "dead_letter_queue_urls" {
  description = "Queues of changes that could not be recorded, or not delivered."
  value       = module.names.dead_letter_queue_urls
}

output "event_bus" {
  description = "Event bus of the entity-change events."
  value       = module.hub.entity_events.event_bus_name
}

output "events_bucket" {
  description = "Bucket of the events (events/) and of the exported names (names/)."
  value       = module.database.events_bucket_name
}

output "firehose_name" {
  description = "Firehose stream that takes events directly."
  value       = module.database.firehose_name
}

output "project_id" {
  description = "Project whose names are kept."
  value       = module.hub.project_id
}

output "reconcile_function_name" {
  description = "Function that compares the tables with the project, and exports them."
  value       = module.names.reconcile_function_name
}

output "segments_table" {
  description = "Table of segments."
  value       = module.names.segments_table_name
}
