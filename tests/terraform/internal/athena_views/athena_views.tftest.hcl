mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  database_name = "news_events"
}

run "makes_a_view_that_athena_reads" {
  command = plan

  variables {
    views = {
      bounces = <<-EOT
        -- One row per bounce
        -- and recipient.
        -- columns:
        --   event_timestamp timestamp
        --   destination array<string>
        --   parts int
        --   bounce struct<from:string,timestamp:string,string:int,rate:double,tags:map<string,array<string>>>
        --   message_tags map<string,string>
        --   price decimal(18,6)
        SELECT 1 -- not a column
        FROM events;
      EOT
    }
  }

  assert {
    condition = alltrue([
      aws_glue_catalog_table.this["bounces"].table_type == "VIRTUAL_VIEW",
      aws_glue_catalog_table.this["bounces"].parameters == tomap({ comment = "Presto View", presto_view = "true" }),
      aws_glue_catalog_table.this["bounces"].view_expanded_text == "/* Presto View */",
      aws_glue_catalog_table.this["bounces"].description == "One row per bounce and recipient.",
      [for column in aws_glue_catalog_table.this["bounces"].storage_descriptor[0].columns : column.type][2] == "int",
    ])
    error_message = "Athena knows views by these marks, and Glue their columns in Hive's types."
  }

  assert {
    condition     = [for serde in aws_glue_catalog_table.this["bounces"].storage_descriptor[0].ser_de_info : "${serde.name} ${serde.serialization_library}"] == ["- -"]
    error_message = "Athena reads no view without a SerDe, and the provider sends no empty one."
  }

  assert {
    condition = jsondecode(base64decode(regex("^/\\* Presto View: (.*) \\*/$", aws_glue_catalog_table.this["bounces"].view_original_text)[0])) == {
      originalSql = "SELECT 1 -- not a column\nFROM events"
      catalog     = "awsdatacatalog"
      schema      = "news_events"
      columns = [
        { name = "event_timestamp", type = "timestamp(3)" },
        { name = "destination", type = "array(varchar)" },
        { name = "parts", type = "integer" },
        { name = "bounce", type = "row(\"from\" varchar,\"timestamp\" varchar,\"string\" integer,\"rate\" double,\"tags\" map(varchar,array(varchar)))" },
        { name = "message_tags", type = "map(varchar,varchar)" },
        { name = "price", type = "decimal(18,6)" },
      ]
    }
    error_message = "The view must hold the statement, and its columns in Trino's types."
  }
}

run "rejects_a_view_that_declares_no_columns" {
  command = plan

  variables {
    views = { bounces = "-- One row per bounce.\nSELECT 1 AS one" }
  }

  expect_failures = [aws_glue_catalog_table.this]
}

run "rejects_a_view_with_a_column_that_cannot_be_read" {
  command = plan

  variables {
    views = { bounces = "-- One row per bounce.\n-- columns:\n--   one int\n--   Two map<string, string>\nSELECT 1 AS one" }
  }

  expect_failures = [aws_glue_catalog_table.this]
}

run "rejects_a_view_whose_name_needs_quotes" {
  command = plan

  variables {
    views = { hard-bounces = "-- Bounces.\n-- columns:\n--   one int\nSELECT 1 AS one" }
  }

  expect_failures = [var.views]
}
