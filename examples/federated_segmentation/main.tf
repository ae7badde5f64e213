# People who bought or looked at red shoes and opened an email, as a segment.

provider "aws" {
  region = var.region

  default_tags {
    tags = { Project = var.name }
  }
}

data "aws_caller_identity" "current" {}

locals {
  events_database = "${replace(var.name, "-", "_")}_events"
  query           = templatefile("${path.module}/red_shoes.sql", { events = local.events_database })
}

module "hub" {
  source = "../../modules/engagement_hub"

  name    = "${var.name}-hub"
  project = { name = var.name }
}

module "event_stream" {
  source = "../../modules/event_stream"

  name     = "${var.name}-stream"
  pinpoint = module.hub.pinpoint
}

module "events" {
  source = "../../modules/pinpoint_event_database"

  name          = "${var.name}-events"
  event_stream  = module.event_stream.event_stream
  database_name = local.events_database
  # A sample has few events: they need not wait for a large file.
  buffer_seconds = 5

  # `terraform destroy` removes the data of the example too.
  force_destroy = true
}

# The lake of a shop: one file of orders.
resource "aws_s3_bucket" "lake" {
  #checkov:skip=CKV_AWS_18:Sample data needs no access log.
  #checkov:skip=CKV_AWS_21:Sample data needs no versions.
  #checkov:skip=CKV_AWS_144:Sample data needs no second region.
  #checkov:skip=CKV_AWS_145:S3 encrypts with its own key.
  #checkov:skip=CKV2_AWS_61:`terraform destroy` removes the sample.
  #checkov:skip=CKV2_AWS_62:Queries read the bucket; nothing waits for its events.
  bucket        = "${var.name}-lake-${data.aws_caller_identity.current.account_id}-${var.region}"
  force_destroy = true
}

resource "aws_s3_bucket_public_access_block" "lake" {
  bucket = aws_s3_bucket.lake.id

  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_object" "orders" {
  bucket = aws_s3_bucket.lake.id
  key    = "orders/orders.json"
  source = "${path.module}/orders.json"
  etag   = filemd5("${path.module}/orders.json")
}

resource "aws_glue_catalog_database" "shop" {
  name = "${replace(var.name, "-", "_")}_shop"
}

resource "aws_glue_catalog_table" "orders" {
  name          = "orders"
  database_name = aws_glue_catalog_database.shop.name
  table_type    = "EXTERNAL_TABLE"
  parameters    = { EXTERNAL = "TRUE", classification = "json" }

  storage_descriptor {
    location      = "s3://${aws_s3_bucket.lake.bucket}/orders/"
    input_format  = "org.apache.hadoop.mapred.TextInputFormat"
    output_format = "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"

    ser_de_info {
      serialization_library = "org.openx.data.jsonserde.JsonSerDe"
    }

    dynamic "columns" {
      for_each = ["endpoint_id", "product", "action", "day"]

      content {
        name = columns.value
        type = "string"
      }
    }
  }
}

module "segmentation" {
  source = "../../modules/federated_segmentation"

  name     = var.name
  pinpoint = module.hub.pinpoint
  databases = {
    shop   = { name = aws_glue_catalog_database.shop.name, locations = ["s3://${aws_s3_bucket.lake.bucket}/orders/"] }
    events = { name = module.events.athena_database, locations = ["s3://${module.events.events_bucket_name}/events/"] }
  }
  default_database = "shop"
  schedules = {
    nightly = {
      expression = "cron(0 3 * * ? *)"
      input      = { query = local.query, segment_name = "Red shoes" }
    }
  }

  # `terraform destroy` removes the data of the example too.
  force_destroy = true
}
