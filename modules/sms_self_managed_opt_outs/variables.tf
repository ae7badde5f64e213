variable "name" {
  description = "Prefix of every AWS name, unique among the modules of an account and region. Two copies with two names fit in one account."
  type        = string

  validation {
    condition     = can(regex("^[a-z]([a-z0-9-]{0,24}[a-z0-9])?$", var.name))
    error_message = "name must be 1-26 lower-case letters, digits or hyphens, start with a letter and end with a letter or digit: the names of buckets, roles and databases start with it. Choose such a name."
  }
}

variable "phone_numbers" {
  description = "Origination numbers that people write to: any key => the ARN. The module sets two-way SMS to its topic and self-managed opt-outs, and `category` attaches the opt-out list of that category; null leaves the list of the number. Destroying restores the settings from before. `manage = false` only allows answers from the number: for numbers in a pool, and for numbers whose aws_pinpointsmsvoicev2_phone_number has the settings as arguments."
  type = map(object({
    arn      = string
    category = optional(string)
    manage   = optional(bool, true)
  }))

  validation {
    condition     = length(var.phone_numbers) >= 1
    error_message = "phone_numbers must have at least one number: without one no message reaches the topic."
  }

  validation {
    condition     = alltrue([for number in values(var.phone_numbers) : can(regex("^arn:[a-z-]+:sms-voice:[a-z0-9-]+:[0-9]{12}:phone-number/.+$", number.arn))])
    error_message = "phone_numbers must have ARNs of phone numbers of End User Messaging SMS, such as arn:aws:sms-voice:us-east-1:111122223333:phone-number/phone-0123: use the arn of an aws_pinpointsmsvoicev2_phone_number."
  }

  validation {
    condition     = length(distinct(values(var.phone_numbers)[*].arn)) == length(var.phone_numbers)
    error_message = "phone_numbers must have each ARN once: a number has one opt-out list and so one category. Remove the second entry."
  }

  validation {
    condition     = alltrue([for number in values(var.phone_numbers) : number.category == null || try(contains(keys(var.categories), number.category), false)])
    error_message = "phone_numbers must have a category among the keys of `categories`. Use null to keep the opt-out list of the number."
  }

  validation {
    condition     = alltrue([for number in values(var.phone_numbers) : number.manage || number.category == null])
    error_message = "phone_numbers must have no category where manage is false: the module does not change such a number. Attach the list where the number is managed."
  }

  # An IAM role takes 10,240 characters of inline policies.
  validation {
    condition     = length(join("", values(var.phone_numbers)[*].arn)) + 3 * length(var.phone_numbers) <= 4000
    error_message = "phone_numbers must be at most about 45 ARNs of 85 characters: they fill 4,000 of the 10,240 characters of a role's inline policies. Use a second copy of the module."
  }
}

variable "pinpoint" {
  description = "Pinpoint-compatible project: the `pinpoint` output of an engagement_hub, or { project_id = … } alone for a project that Amazon Pinpoint hosts."
  type = object({
    project_id = string
    api        = optional(object({ url = string, execution_arn = string }))
  })
}

variable "alarm" {
  description = "SNS topic that CloudWatch alarms notify. `detailed` adds alarms on single functions, throttling and failed notifications; the default alarms are for failures that need a person. Null creates the alarms without a notification."
  type = object({
    topic_arn = string
    detailed  = optional(bool, false)
  })
  default = null
}

variable "categories" {
  description = "Categories of messages that a person can opt out of, by name: the opt-out list of End User Messaging that has the numbers of the category. Without `opt_out_list` the module creates the list `<name>-<category>`. The name `all` means every category and needs no entry."
  type = map(object({
    opt_out_list = optional(object({ name = string }))
  }))
  default  = { promotional = {} }
  nullable = false

  validation {
    condition     = length(var.categories) >= 1 && length(var.categories) <= 20
    error_message = "categories must have 1-20 categories: a message of a person can change all of them in one transaction."
  }

  validation {
    condition     = alltrue([for category in keys(var.categories) : can(regex("^[a-z][a-z0-9_-]{0,29}$", category)) && category != "all"])
    error_message = "categories must have names of 1-30 lower-case letters, digits, hyphens or underscores that start with a letter, and not `all`, which means every category. Choose another name."
  }

  validation {
    condition     = alltrue([for category in values(var.categories) : category.opt_out_list == null || try(can(regex("^[A-Za-z0-9_-]{1,64}$", category.opt_out_list.name)), false)])
    error_message = "categories must have opt_out_list.name of 1-64 letters, digits, hyphens or underscores: the name of a list of this account and region, not an ARN."
  }
}

variable "endpoints" {
  description = "Endpoints of a number: `attribute` is the endpoint attribute that lists the categories the number is opted out of, for segments to exclude. `id_patterns` are ids to try besides the ids that the event stream showed, with the placeholders {number} (+12065550142) and {digits}; an endpoint with another number is never changed. `of_user` marks all SMS and voice endpoints of the user, whatever their number."
  type = object({
    attribute   = optional(string, "sms_opt_outs")
    id_patterns = optional(list(string), ["{number}", "{digits}"])
    of_user     = optional(bool, false)
  })
  default  = {}
  nullable = false

  validation {
    condition     = can(regex("^[A-Za-z0-9_.-]{1,50}$", var.endpoints.attribute))
    error_message = "endpoints.attribute must be 1-50 letters, digits, underscores, hyphens or dots: an endpoint keeps no longer names."
  }

  validation {
    condition     = length(var.endpoints.id_patterns) <= 10 && alltrue([for pattern in var.endpoints.id_patterns : strcontains(pattern, "{number}") || strcontains(pattern, "{digits}")])
    error_message = "endpoints.id_patterns must be at most 10 patterns, each with {number} or {digits}: an id without a placeholder would be one endpoint for all numbers."
  }
}

variable "event_stream" {
  description = "Kinesis data stream of the project's events: the `event_stream` output of the module event_stream, or the ARN of a stream and of its customer managed KMS key, if it has one. The events of text messages show which endpoints have which number. Null finds endpoints by `endpoints.id_patterns` and by users alone."
  type = object({
    stream_arn = string
    kms_key    = optional(object({ arn = string }))
  })
  default = null

  validation {
    condition     = var.event_stream == null || try(can(regex("^arn:[^:]+:kinesis:[^:]+:[0-9]{12}:stream/[^/]+$", var.event_stream.stream_arn)), false)
    error_message = "event_stream.stream_arn must be the ARN of a Kinesis data stream: use the `event_stream` output of the module event_stream. Use null to read no stream."
  }
}

variable "events" {
  description = "EventBridge event for other systems at every change: the name of an event bus of this account and region. `include_number` puts the phone numbers into the event. Null sends no event."
  type = object({
    bus_name       = optional(string, "default")
    include_number = optional(bool, false)
  })
  default = {}

  validation {
    condition     = var.events == null || try(can(regex("^[A-Za-z0-9._-]{1,256}$", var.events.bus_name)), false)
    error_message = "events.bus_name must be the name of an event bus of this account and region, not an ARN. Use events = null to send no event."
  }
}

variable "kms_key" {
  description = "Customer managed KMS key for data at rest: the `kms_key` output of encryption_key, or a key whose policy has the same statements. Null uses keys that AWS owns or manages."
  type = object({
    arn = string
  })
  default = null
}

variable "keywords" {
  description = "Keywords by a name of yours. `action` is opt_out or opt_in (with a `category`, or `all`), help, or reply. `words` are whole words or phrases by language; case, punctuation, emoji and invisible characters do not count. `match` is message (the whole message) or first_word (the message begins with the word). `replies` are the answers by language; a language without an answer gets the answer in `language`, and a keyword without answers is not answered. The default has the words that AWS requires and the words of CTIA and FCC rules, in English and French."
  type = map(object({
    action   = string
    category = optional(string)
    match    = optional(string, "message")
    words    = map(list(string))
    replies  = optional(map(string), {})
  }))
  default = {
    stop = {
      action   = "opt_out"
      category = "promotional"
      words = {
        en = ["STOP", "CANCEL", "END", "OPT OUT", "OPT-OUT", "OPTOUT", "QUIT", "REMOVE", "REVOKE", "TD", "UNSUBSCRIBE"]
        fr = ["ARRET", "ARRÊT"]
      }
      replies = {
        en = "You will get no more promotional messages from this number. Reply START to get them again."
        fr = "Vous ne recevrez plus de messages promotionnels de ce numéro. Répondez DEBUT pour les recevoir à nouveau."
      }
    }
    stop_all = {
      action   = "opt_out"
      category = "all"
      words = {
        en = ["STOPALL", "STOP ALL"]
        fr = ["ARRET TOUT", "ARRÊT TOUT"]
      }
      replies = {
        en = "You will get no more messages from us. Reply START to get them again."
        fr = "Vous ne recevrez plus de messages de notre part. Répondez DEBUT pour les recevoir à nouveau."
      }
    }
    start = {
      action   = "opt_in"
      category = "all"
      words = {
        en = ["START", "UNSTOP"]
        fr = ["DEBUT", "DÉBUT"]
      }
      replies = {
        en = "You will get our messages again. Reply STOP to end them, HELP for help."
        fr = "Vous recevrez à nouveau nos messages. Répondez ARRET pour y mettre fin, AIDE pour obtenir de l'aide."
      }
    }
    help = {
      action = "help"
      words = {
        en = ["HELP", "INFO"]
        fr = ["AIDE"]
      }
      replies = {
        en = "Reply STOP to end promotional messages, STOPALL to end all messages, START to get them again."
        fr = "Répondez ARRET pour mettre fin aux messages promotionnels, ARRET TOUT à tous les messages, DEBUT pour les recevoir à nouveau."
      }
    }
  }
  nullable = false

  validation {
    condition     = anytrue([for keyword in values(var.keywords) : keyword.action == "opt_out"])
    error_message = "keywords must have a keyword with the action opt_out: with self-managed opt-outs nothing else honours STOP."
  }

  validation {
    condition     = alltrue([for keyword in values(var.keywords) : contains(["opt_out", "opt_in", "help", "reply"], keyword.action)])
    error_message = "keywords must have an action among opt_out, opt_in, help and reply."
  }

  validation {
    condition     = alltrue([for keyword in values(var.keywords) : contains(["message", "first_word"], keyword.match)])
    error_message = "keywords must have match = message (the whole message) or first_word (the message begins with the word)."
  }

  validation {
    condition     = alltrue([for keyword in values(var.keywords) : contains(["opt_out", "opt_in"], keyword.action) == (keyword.category != null)])
    error_message = "keywords must have a category where the action is opt_out or opt_in, and no category elsewhere."
  }

  validation {
    condition     = alltrue([for keyword in values(var.keywords) : length(flatten(values(keyword.words))) >= 1 && alltrue([for word in flatten(values(keyword.words)) : length(word) <= 100 && can(regex("[\\p{L}\\p{N}]", word))])])
    error_message = "keywords must have words of 1-100 characters, each with a letter or a digit: punctuation and symbols do not count in a message. Give at least one word."
  }

  validation {
    # As the function compares them: without case, punctuation, symbols and invisible characters. Words
    # that differ in Unicode's compatibility forms alone pass, and end in BadKeywords in the function.
    condition     = length(flatten([for keyword in values(var.keywords) : distinct([for word in flatten(values(keyword.words)) : trimspace(replace(replace(lower(word), "/\\p{Cf}/", ""), "/[^\\p{L}\\p{M}\\p{N}]+/", " "))])])) == length(distinct(flatten([for keyword in values(var.keywords) : [for word in flatten(values(keyword.words)) : trimspace(replace(replace(lower(word), "/\\p{Cf}/", ""), "/[^\\p{L}\\p{M}\\p{N}]+/", " "))]])))
    error_message = "keywords must not share a word: one message would have two meanings. Remove the word from one of the keywords."
  }

  validation {
    condition     = alltrue(flatten([for keyword in values(var.keywords) : [for reply in values(keyword.replies) : length(trimspace(reply)) >= 1 && length(reply) <= 1600]]))
    error_message = "keywords must have replies of 1-1600 characters, the limits of SendTextMessage. Leave the language out to send no answer in it."
  }

  validation {
    condition     = alltrue([for keyword in values(var.keywords) : length(keyword.replies) >= 1 || keyword.action != "help" && keyword.action != "reply"])
    error_message = "keywords must have replies where the action is help or reply: the keyword would do nothing."
  }

  validation {
    condition     = alltrue([for keyword in values(var.keywords) : length(keyword.replies) == 0 || contains(keys(keyword.replies), var.language) || length(setsubtract(keys(keyword.words), keys(keyword.replies))) == 0])
    error_message = "keywords must have a reply in `language`, or in every language of their words: a word without one would get no answer."
  }

  validation {
    condition     = alltrue([for keyword in values(var.keywords) : keyword.category == null || try(keyword.category == "all" || contains(keys(var.categories), keyword.category), false)])
    error_message = "keywords must have a category among the keys of `categories`, or `all`. Add the category, correct its name, or give keywords of your own: the default ones use `promotional`."
  }

  validation {
    condition     = length(jsonencode(var.keywords)) <= 100000
    error_message = "keywords must have at most 100,000 characters as JSON: they are one item of a DynamoDB table, which has 400 KB at most."
  }
}

variable "language" {
  description = "Language of the answers to words whose language has no answer: a key of `replies`."
  type        = string
  default     = "en"
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,35}$", var.language))
    error_message = "language must be 1-35 letters, digits, hyphens or underscores, such as en or pt-BR."
  }
}

variable "log_retention_days" {
  description = "Days that CloudWatch Logs keeps the logs. Logs hold ids and outcomes, never an address, a number or a body."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition = contains(
      [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653],
      var.log_retention_days
    )
    error_message = "log_retention_days must be a period that CloudWatch Logs offers: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653."
  }
}

variable "packages" {
  description = "Lambda packages. `directory` is a folder of zips, which the module uploads to its own bucket; null is dist/ of this release. `s3` is the bucket and the key prefix of zips that are already uploaded. A new release needs a new prefix, because Lambda reads a key once."
  type = object({
    directory = optional(string)
    s3 = optional(object({
      bucket = string
      prefix = optional(string, "")
    }))
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.packages.s3 == null || var.packages.directory == null
    error_message = "packages.directory and packages.s3 must not both be given: the zips come from a folder or from S3. Leave out directory or s3."
  }

  validation {
    condition     = var.packages.s3 == null || try(var.packages.s3.prefix == "" || endswith(var.packages.s3.prefix, "/"), false)
    error_message = "packages.s3.prefix must be empty or end with a slash, because the name of the zip follows it: use `engagement/v0.1.0/`."
  }
}

variable "preferences_table" {
  description = "Existing DynamoDB table of preferences, with the partition key `pk` and the sort key `sk` (strings). `kms_key` is its customer managed KMS key, if it has one. Items with other keys than the module's are left alone. Null creates a table with point-in-time recovery."
  type = object({
    name    = string
    arn     = string
    kms_key = optional(object({ arn = string }))
  })
  default = null

  validation {
    condition     = var.preferences_table == null || try(can(regex("^arn:[^:]+:dynamodb:[^:]+:[0-9]{12}:table/[^/]+$", var.preferences_table.arn)), false)
    error_message = "preferences_table.arn must be the ARN of a DynamoDB table, such as arn:aws:dynamodb:eu-west-1:111122223333:table/people. Use null to create a table."
  }
}

variable "tags" {
  description = "Tags of this instance, added to the default_tags of the provider."
  type        = map(string)
  default     = {}
  nullable    = false
}
