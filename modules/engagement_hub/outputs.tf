output "api_role_arn" {
  description = "ARN of the role that answers the API and invokes the functions of recommenders for direct sends, for the resource policies of functions that recommender_function_arns does not name."
  value       = module.api_function.role_arn
}

output "api_url" {
  description = "URL of the Pinpoint-compatible API: the endpoint_url of a boto3 `pinpoint` client that signs for execute-api."
  value       = local.api.url

  # An earlier request fails.
  depends_on = [
    aws_apigatewayv2_route.this,
    aws_apigatewayv2_stage.this,
    module.api_function,
    module.campaign_state_machine,
    module.export_state_machine,
    module.import_state_machine,
    module.journey_state_machine,
  ]
}

output "campaign_role_arn" {
  description = "ARN of the role that invokes FILTER hooks, custom channels and the functions of recommenders, for the resource policies of functions that campaign_function_arns and recommender_function_arns do not name."
  value       = module.campaign_function.role_arn
}

output "dead_letter_queue_urls" {
  description = "Dead-letter queues: delivery_events (events that cannot be read or written), entity_events (changes that could not be announced, as positions in the table's stream; only with the input entity_events) and schedules (runs that could not start, and executions whose run or job could not be closed)."
  value = merge(
    {
      delivery_events = module.delivery_dead_letter.queue_url
      schedules       = module.schedule_dead_letter.queue_url
    },
    var.entity_events == null ? {} : { entity_events = module.entity_events_dead_letter[0].queue_url },
  )
}

output "entity_events" {
  description = "Event bus, source and detail type of entity-change events, for the `entity_events` input of campaign_journey_segment_db and for rules of yours; null without the input entity_events."
  value = var.entity_events == null ? null : {
    event_bus_name = var.entity_events.event_bus_name
    source         = local.entity_event_source
    detail_type    = local.entity_event_detail_type
  }
}

output "pinpoint" {
  description = "Project and its API, for the `pinpoint` input of the other modules; null without project."
  value       = var.project == null ? null : { project_id = local.project_id, api = local.api }

  # An earlier request fails.
  depends_on = [
    aws_apigatewayv2_route.this,
    aws_apigatewayv2_stage.this,
    module.api_function,
    module.campaign_state_machine,
    module.export_state_machine,
    module.import_state_machine,
    module.journey_state_machine,
  ]
}

output "project_id" {
  description = "Id of the project that the input project created; null without it."
  value       = local.project_id
}

output "state_machine_arns" {
  description = "ARNs of the state machines: campaign, export, import, journey."
  value = {
    campaign = module.campaign_state_machine.state_machine_arn
    export   = module.export_state_machine.state_machine_arn
    import   = module.import_state_machine.state_machine_arn
    journey  = module.journey_state_machine.state_machine_arn
  }
}

output "table_names" {
  description = "Names of the DynamoDB tables: endpoints, entities, journeys, runs."
  value       = merge({ for key, table in aws_dynamodb_table.this : key => table.name }, { journeys = aws_dynamodb_table.journeys.name })
}

output "work_bucket_name" {
  description = "Name of the bucket of work files: pieces and rejected rows of imports (jobs/), audiences of runs and participants of journeys (runs/)."
  value       = module.work_bucket.bucket_name
}
