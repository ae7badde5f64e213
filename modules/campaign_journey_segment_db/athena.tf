# Tables over the exported files, and views that join them with events, in the event database.
locals {
  columns = {
    campaigns_and_journeys = {
      id             = "string"
      application_id = "string"
      type           = "string"
      name           = "string"
      description    = "string"
      status         = "string"
      segment_id     = "string"
      event_name     = "string"
      treatments     = "map<string,string>"
      tags           = "map<string,string>"
      version        = "bigint"
      changed_at     = "string"
      deleted        = "boolean"
      deleted_at     = "string"
      updated_at     = "string"
    }
    segments = {
      id             = "string"
      application_id = "string"
      name           = "string"
      segment_type   = "string"
      tags           = "map<string,string>"
      version        = "bigint"
      changed_at     = "string"
      deleted        = "boolean"
      deleted_at     = "string"
      updated_at     = "string"
    }
  }

  descriptions = {
    campaigns_and_journeys = "Campaigns and journeys of the project, deleted ones too, as of the last export."
    segments               = "Segments of the project, deleted ones too, as of the last export."
  }
}

resource "aws_glue_catalog_table" "names" {
  for_each = var.event_database == null ? {} : local.columns

  name          = each.key
  database_name = var.event_database.athena_database
  description   = local.descriptions[each.key]
  table_type    = "EXTERNAL_TABLE"
  parameters    = { EXTERNAL = "TRUE", classification = "json" }

  storage_descriptor {
    location      = "s3://${var.event_database.events_bucket_name}/${local.export_prefix}${each.key}/"
    input_format  = "org.apache.hadoop.mapred.TextInputFormat"
    output_format = "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"

    # By default the SerDe lower-cases the keys of maps too, and tag names are case-sensitive.
    ser_de_info {
      serialization_library = "org.openx.data.jsonserde.JsonSerDe"
      parameters            = { "case.insensitive" = "false" }
    }

    dynamic "columns" {
      for_each = each.value

      content {
        name = columns.key
        type = columns.value
      }
    }
  }
}

module "views" {
  source = "../internal/athena_views"
  count  = var.event_database == null ? 0 : 1

  database_name = var.event_database.athena_database
  views         = { for file in fileset("${path.module}/views", "*.sql") : trimsuffix(file, ".sql") => file("${path.module}/views/${file}") }
}

resource "aws_athena_named_query" "current_names" {
  count = var.connector == null ? 0 : 1

  name        = "campaign_results_with_current_names"
  description = "Messages of the last 30 days by campaign and status, with the names that the tables have now."
  workgroup   = var.event_database.athena_workgroup
  database    = var.event_database.athena_database
  query = templatefile("${path.module}/current_names.sql", {
    catalog = var.connector.catalog
    table   = aws_dynamodb_table.this["campaigns"].name
  })
}
