output "api_url" {
  description = "Address of the Pinpoint-compatible API."
  value       = module.hub.api_url
}

output "chains_table" {
  description = "Table of messages that failed, and their retries."
  value       = module.retry.chains_table_name
}

output "configuration_set" {
  description = "Configuration set of the texts."
  value       = aws_pinpointsmsvoicev2_configuration_set.texts.name
}

output "dead_letter_queue_urls" {
  description = "Queues of events and retries that failed."
  value       = module.retry.dead_letter_queue_urls
}

output "direct" {
  description = "Texts without a project: their configuration set and number, and the tables of their retries."
  value = {
    chains_table      = module.direct_retry.chains_table_name
    configuration_set = aws_pinpointsmsvoicev2_configuration_set.direct.name
    number            = local.number_arn
    texts_table       = module.direct_retry.texts_table_name
  }

  depends_on = [module.direct_retry]
}

output "final_failure_topic_arn" {
  description = "Topic of final failures."
  value       = module.retry.final_failure_topic_arn
}

output "project_id" {
  description = "Project whose texts are retried."
  value       = module.hub.project_id
}

output "reader_function_name" {
  description = "Function that decides."
  value       = module.retry.reader_function_name
}

output "remember_policy" {
  description = "IAM policy (JSON) of a program that remembers texts."
  value       = module.retry.remember_policy_json
}

output "sender_function_name" {
  description = "Function that sends retries."
  value       = module.retry.sender_function_name
}

output "stream_name" {
  description = "Stream of the project's events."
  value       = module.event_stream.stream_name

  depends_on = [module.retry]
}

output "texts_table" {
  description = "Table of remembered texts."
  value       = module.retry.texts_table_name
}
