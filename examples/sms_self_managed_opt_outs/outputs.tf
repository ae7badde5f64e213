output "api_url" {
  description = "Address of the Pinpoint-compatible API."
  value       = module.hub.api_url
}

output "dead_letter_queue_urls" {
  description = "Queues of messages and events that could not be processed."
  value       = module.opt_outs.dead_letter_queue_urls
}

output "function_name" {
  description = "Function that carries out messages."
  value       = module.opt_outs.function_name
}

output "opt_out_list_names" {
  description = "Opt-out lists by category."
  value       = module.opt_outs.opt_out_list_names
}

output "phone_numbers" {
  description = "Numbers to write to, by category."
  value       = { for category, number in aws_pinpointsmsvoicev2_phone_number.this : category => number.phone_number }
}

output "preferences_table_name" {
  description = "Table of preferences and of the records of messages."
  value       = module.opt_outs.preferences_table_name

  # Messages are carried out from here on.
  depends_on = [module.opt_outs]
}

output "project_id" {
  description = "Project whose endpoints are marked."
  value       = module.hub.project_id
}

output "queue_url" {
  description = "Queue of inbound messages."
  value       = module.opt_outs.queue_url
}

output "segment_id" {
  description = "Segment of people that a promotional campaign may be sent to."
  value       = module.segments.results.Segment["may_advertise"].Id
}
