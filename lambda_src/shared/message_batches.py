"""Process the messages of an SQS batch one by one, and log the reason of each failure.

Powertools logs a failure at DEBUG, or as a traceback whose text can quote an address.
"""

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType

from shared.transient import error_code

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger
    from aws_lambda_powertools.utilities.batch.base import FailureResponse

__all__ = ["MessageBatchProcessor"]


class MessageBatchProcessor(BatchProcessor):
    """Batch processor for SQS that logs the id and the reason of each message to deliver again.

    Args:
        logger: of the function.
        explained: exceptions whose texts name a rule and repeat no value of a message. The log has
            these texts. Of every other exception it has the error code or the class.
    """

    def __init__(self, logger: "Logger", *, explained: tuple[type[Exception], ...]) -> None:
        super().__init__(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
        self._log = logger
        self._explained = explained

    def failure_handler(self, record: Any, exception: Any) -> "FailureResponse":
        """Log the failure of one message, and report the message to SQS."""
        error = exception[1]
        reason = str(error) if isinstance(error, self._explained) else error_code(error)
        self._log.warning(
            "Message comes back", extra={"sqs_message_id": record.message_id, "reason": reason}
        )
        return super().failure_handler(record, exception)
