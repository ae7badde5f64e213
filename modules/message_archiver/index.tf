# The index for Athena: a table over the index files, a workgroup, and named queries.

# Time of creation of the module: the first partitions of the table.
resource "terraform_data" "created" {
  input = plantimestamp()

  lifecycle {
    ignore_changes = [input]
  }
}

locals {
  database_name = replace(var.name, "-", "_")
  table_name    = "messages"
  hour          = "yyyy/MM/dd/HH"
  # The stream has events of the week before the module, at the most of the common retentions.
  default_first_hour = formatdate("YYYY/MM/DD/00", timeadd(terraform_data.created.output, "-168h"))
  first_hour         = var.messages_since == null ? local.default_first_hour : "${replace(var.messages_since, "-", "/")}/00"
  columns            = jsondecode(file("${path.module}/messages.json"))
}

resource "aws_glue_catalog_database" "this" {
  name        = local.database_name
  description = "Index of the messages in the archive ${var.name}."

  tags = var.tags
}

resource "aws_glue_catalog_table" "messages" {
  name          = local.table_name
  database_name = aws_glue_catalog_database.this.name
  description   = "A row for each message in the archive. A message that was queued twice can have two equal rows."
  table_type    = "EXTERNAL_TABLE"

  parameters = {
    EXTERNAL                             = "TRUE"
    classification                       = "json"
    "projection.enabled"                 = "true"
    "projection.sent_hour.type"          = "date"
    "projection.sent_hour.format"        = local.hour
    "projection.sent_hour.interval"      = "1"
    "projection.sent_hour.interval.unit" = "HOURS"
    "projection.sent_hour.range"         = "${local.first_hour},NOW+1HOURS"
    "storage.location.template"          = "s3://${module.index_bucket.bucket_name}/${local.index_prefix}$${sent_hour}/"
  }

  storage_descriptor {
    location      = "s3://${module.index_bucket.bucket_name}/${local.index_prefix}"
    input_format  = "org.apache.hadoop.mapred.TextInputFormat"
    output_format = "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"

    ser_de_info {
      serialization_library = "org.openx.data.jsonserde.JsonSerDe"
    }

    dynamic "columns" {
      for_each = local.columns

      content {
        name    = columns.value.name
        type    = columns.value.type
        comment = columns.value.comment
      }
    }
  }

  # A string: Athena reads a projected value as a value of the key's type, and a text of this format
  # is no timestamp of Hive (HIVE_INVALID_PARTITION_VALUE).
  partition_keys {
    name    = "sent_hour"
    type    = "string"
    comment = "Hour (UTC) of the send, as ${local.hour}."
  }
}

module "workgroup" {
  source = "../internal/athena_workgroup"

  name          = var.name
  description   = "Queries of the index of the archive ${var.name}."
  athena        = var.athena
  force_destroy = var.force_destroy
  operations    = local.operations
}

resource "aws_athena_named_query" "this" {
  for_each = { for file in fileset("${path.module}/queries", "*.sql") : trimsuffix(file, ".sql") => file("${path.module}/queries/${file}") }

  name        = each.key
  description = join(" ", flatten(regexall("--[ ]*([^\n]*)", regex("^(?:--[^\n]*\n)+", each.value))))
  workgroup   = module.workgroup.workgroup_name
  database    = aws_glue_catalog_database.this.name
  query       = each.value
}
