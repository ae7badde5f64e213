output "dead_letter_queue_urls" {
  description = "Dead-letter queues: `validate` and `campaign` for stages that did not start, `notifications` for notifications that did not reach a queue."
  value = {
    campaign      = module.queue["campaign"].dead_letter_queue_url
    notifications = module.undelivered.queue_url
    validate      = module.queue["validate"].dead_letter_queue_url
  }
}
