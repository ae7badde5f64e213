"""Hands one rendered message to the service that delivers it."""

from engagement_hub.senders.channels import Senders
from shared.send_outcome import DeliveryStatus, SendOutcome

__all__ = ["DeliveryStatus", "SendOutcome", "Senders"]
