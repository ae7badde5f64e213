"""Hands one rendered message to the service that delivers it."""

from engagement_hub.senders.channels import Senders
from engagement_hub.senders.outcome import DeliveryStatus, SendOutcome

__all__ = ["DeliveryStatus", "SendOutcome", "Senders"]
