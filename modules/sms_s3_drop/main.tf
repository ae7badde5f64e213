# File in the bucket → EventBridge → queue → one execution per version of the file. The execution cuts
# the file into pieces and puts a permit for each chunk on the queue of its origination identity. The
# sender works off permits at the rate of the identity.

locals {
  operations = {
    alarm              = var.alarm
    kms_key            = var.kms_key
    log_retention_days = var.log_retention_days
    tags               = var.tags
  }
  kms_key_arn = one(var.kms_key[*].arn)

  bucket     = var.bucket == null ? module.bucket[0].bucket_name : var.bucket.name
  bucket_arn = "arn:${data.aws_partition.current.partition}:s3:::${local.bucket}"
  bucket_key = var.bucket == null ? var.kms_key : var.bucket.kms_key

  sender_timeout_seconds = 120
  # A message takes 4 to 5 ms of a vCPU. A sender of 50 a second with a part of a vCPU would start its
  # calls late.
  sender_memory_mb = max([for identity in values(var.origination_identities) : identity.message_parts_per_second]...) > 20 ? 1769 : 512
  # A sender that claimed a row longer ago than this is surely dead.
  lease_seconds = local.sender_timeout_seconds + 30

  rule_publishes = {
    rule = {
      service    = "events.amazonaws.com"
      source_arn = aws_cloudwatch_event_rule.file_dropped.arn
    }
  }

  identities = {
    identities = {
      for key, identity in var.origination_identities : key => {
        arn              = identity.arn
        name             = identity.name
        parts_per_second = identity.message_parts_per_second
      }
    }
    default_identity     = var.default_identity
    default_message_type = var.default_message_type
  }
  identities_with_queues = merge(local.identities, {
    identities = {
      for key, identity in local.identities.identities : key => merge(identity, { queue_url = aws_sqs_queue.permits[key].url })
    }
  })

  environment = {
    KEEP_DAYS   = var.idempotency_days
    TABLE       = aws_dynamodb_table.state.name
    WORK_BUCKET = module.work_bucket.bucket_name
  }

  # Name of the handler => function.
  step_functions = {
    cut_file = {
      description = "Checks every row of a file and cuts the file into pieces."
      environment = merge(local.environment, {
        IDENTITIES        = jsonencode(local.identities)
        SEND_WITHIN_HOURS = var.send_within_hours
      })
      policy          = data.aws_iam_policy_document.cut_file.json
      timeout_seconds = 900
      memory_mb       = 1769 # a whole vCPU: the work is parsing
    }
    enqueue_piece = {
      description     = "Puts the permits of a piece on the queue of its identity."
      environment     = { IDENTITIES = jsonencode(local.identities_with_queues) }
      policy          = data.aws_iam_policy_document.enqueue_piece.json
      timeout_seconds = 60
      memory_mb       = 256
    }
    look = {
      description = "Looks how far a run is and writes its status object."
      environment = merge(local.environment, {
        IDENTITIES    = jsonencode(local.identities_with_queues)
        LEASE_SECONDS = local.lease_seconds
      })
      policy          = data.aws_iam_policy_document.look.json
      timeout_seconds = 120
      memory_mb       = 512
    }
    close_run = {
      description     = "Writes the result file and the last status of a run."
      environment     = local.environment
      policy          = data.aws_iam_policy_document.close_run.json
      timeout_seconds = 900
      memory_mb       = 1769 # a whole vCPU: the work is merging
    }
    delete_work = {
      description     = "Deletes the work files of a run."
      environment     = { WORK_BUCKET = module.work_bucket.bucket_name }
      policy          = data.aws_iam_policy_document.delete_work.json
      timeout_seconds = 300
      memory_mb       = 256
    }
  }
}

module "package" {
  source = "../internal/package"

  name     = var.name
  archives = ["sms_s3_drop"]
  packages = var.packages

  operations = local.operations
}

module "bucket" {
  source = "../internal/bucket"
  count  = var.bucket == null ? 1 : 0

  name          = "${var.name}-files"
  eventbridge   = true
  force_destroy = var.force_destroy
  operations    = local.operations
}

# Pieces, which hold numbers and messages; results and status objects, which do not.
module "work_bucket" {
  source = "../internal/bucket"

  name = "${var.name}-work"
  # A run deletes its pieces. The rule deletes the pieces of stopped runs, after the longest run.
  expiration_days = { "runs/" = var.result_days, "work/" = 9 }
  force_destroy   = var.force_destroy
  operations      = local.operations
}

resource "aws_cloudwatch_event_rule" "file_dropped" {
  name        = "${var.name}-file-dropped"
  description = "Files under the drop prefix."

  event_pattern = jsonencode({
    source      = ["aws.s3"]
    detail-type = ["Object Created"]
    detail = {
      bucket = { name = [local.bucket] }
      object = { key = [{ prefix = var.prefix }] }
    }
  })

  tags = var.tags
}

resource "aws_cloudwatch_event_target" "queue" {
  rule = aws_cloudwatch_event_rule.file_dropped.name
  arn  = module.queue.queue_arn

  dead_letter_config {
    arn = module.undelivered.queue_arn
  }
}

module "queue" {
  source = "../internal/queue"

  name                       = "${var.name}-files"
  visibility_timeout_seconds = 180
  publishers                 = local.rule_publishes
  operations                 = local.operations
}

module "undelivered" {
  source = "../internal/dead_letter_queue"

  name       = "${var.name}-undelivered"
  publishers = local.rule_publishes
  operations = local.operations
}

module "start_run" {
  source = "../internal/lambda_function"

  name        = "${var.name}-start-run"
  description = "Starts one run per version of a file."
  handler     = "sms_s3_drop.functions.start_run.lambda_handler"
  package     = module.package.archives["sms_s3_drop"]
  environment = merge(
    { STATE_MACHINE_ARN = module.state_machine.state_machine_arn },
    length(var.key_suffixes) == 0 ? {} : { KEY_SUFFIXES = join(",", var.key_suffixes) },
  )
  policies    = { start-runs = data.aws_iam_policy_document.start_run.json }
  kms_actions = ["kms:Decrypt", "kms:GenerateDataKey"] # the queue, and an execution's input
  operations  = local.operations
}

resource "aws_lambda_event_source_mapping" "start_run" {
  function_name           = module.start_run.function_arn
  event_source_arn        = module.queue.queue_arn
  batch_size              = 10
  function_response_types = ["ReportBatchItemFailures"]

  tags = var.tags
}

# Claims and outcomes of rows, turns of files, rates of identities.
resource "aws_dynamodb_table" "state" {
  #checkov:skip=CKV_AWS_119:DynamoDB encrypts with its own key; a customer managed one is used when kms_key is given.
  name         = "${var.name}-state"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "pk"
  range_key    = "sk"

  attribute {
    name = "pk"
    type = "S"
  }

  attribute {
    name = "sk"
    type = "S"
  }

  ttl {
    attribute_name = "expires_at"
    enabled        = true
  }

  point_in_time_recovery {
    enabled = true
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = local.kms_key_arn
  }

  tags = var.tags
}

# A queue for each identity: permits for a slow number must not keep a fast one waiting. They share a
# dead-letter queue, and with it an alarm, which the block `queue` cannot.
resource "aws_sqs_queue" "permits" {
  for_each = var.origination_identities

  name                       = "${var.name}-send-${each.key}"
  visibility_timeout_seconds = 6 * local.sender_timeout_seconds
  message_retention_seconds  = 1209600
  receive_wait_time_seconds  = 20

  sqs_managed_sse_enabled = var.kms_key == null ? true : null
  kms_master_key_id       = local.kms_key_arn

  redrive_policy = jsonencode({
    deadLetterTargetArn = module.unsent.queue_arn
    maxReceiveCount     = 5
  })

  policy = module.permits_policy[each.key].policy_json

  tags = var.tags
}

module "permits_policy" {
  source   = "../internal/publisher_policy"
  for_each = var.origination_identities

  service    = "sqs"
  name       = "${var.name}-send-${each.key}"
  publishers = {}
}

module "unsent" {
  source = "../internal/dead_letter_queue"

  name       = "${var.name}-send"
  operations = local.operations
}

module "sender" {
  source = "../internal/lambda_function"

  name        = "${var.name}-send-chunk"
  description = "Sends a chunk of a file at the rate of its origination identity."
  handler     = "sms_s3_drop.functions.send_chunk.lambda_handler"
  package     = module.package.archives["sms_s3_drop"]
  environment = merge(
    local.environment,
    {
      IDENTITIES    = jsonencode(local.identities_with_queues)
      LEASE_SECONDS = local.lease_seconds
      RETRY_MINUTES = var.retry_minutes
    },
    var.configuration_set == null ? {} : { CONFIGURATION_SET = var.configuration_set.name },
    var.sending_hours == null ? {} : { SENDING_HOURS = jsonencode(var.sending_hours) },
  )
  policies        = { send = data.aws_iam_policy_document.sender.json }
  kms_actions     = ["kms:Decrypt", "kms:GenerateDataKey"] # the queues, the pieces, the table
  timeout_seconds = local.sender_timeout_seconds
  memory_mb       = local.sender_memory_mb
  # A permit is queued again every 15 minutes of a night, and at each retry.
  recursive_loop_allowed = true
  operations             = local.operations
}

resource "aws_lambda_event_source_mapping" "permits" {
  for_each = aws_sqs_queue.permits

  function_name           = module.sender.function_arn
  event_source_arn        = each.value.arn
  batch_size              = 1
  function_response_types = ["ReportBatchItemFailures"]

  # Two are the fewest that Lambda takes. One of them sends 50 messages a second and more.
  scaling_config {
    maximum_concurrency = max(2, ceil(var.origination_identities[each.key].message_parts_per_second / 50))
  }

  tags = var.tags

  # Lambda checks the permissions of the role when it creates the mapping.
  depends_on = [module.sender]
}

module "step" {
  source   = "../internal/lambda_function"
  for_each = local.step_functions

  name            = "${var.name}-${replace(each.key, "_", "-")}"
  description     = each.value.description
  handler         = "sms_s3_drop.functions.${each.key}.lambda_handler"
  package         = module.package.archives["sms_s3_drop"]
  environment     = each.value.environment
  policies        = { step = each.value.policy }
  kms_actions     = ["kms:Decrypt", "kms:GenerateDataKey"] # the work bucket, the table, the queues
  timeout_seconds = each.value.timeout_seconds
  memory_mb       = each.value.memory_mb
  operations      = local.operations
}

module "topic" {
  source = "../internal/topic"

  name          = "${var.name}-notifications"
  subscriptions = var.subscriptions
  operations    = local.operations
}

module "state_machine" {
  source = "../internal/state_machine"

  name = "${var.name}-drop"
  definition = templatefile("${path.module}/drop.asl.json", {
    close_run_function_arn     = module.step["close_run"].function_arn
    cut_file_function_arn      = module.step["cut_file"].function_arn
    delete_work_function_arn   = module.step["delete_work"].function_arn
    enqueue_piece_function_arn = module.step["enqueue_piece"].function_arn
    look_function_arn          = module.step["look"].function_arn
    partition                  = data.aws_partition.current.partition
    topic_arn                  = module.topic.topic_arn
  })
  distributed_map = { results_arn = "${module.work_bucket.bucket_arn}/work/*/map-run/*" }
  policies        = { steps = data.aws_iam_policy_document.steps.json }
  operations      = local.operations
}
