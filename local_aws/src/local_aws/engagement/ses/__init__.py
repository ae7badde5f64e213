"""Amazon SES: ministack's made as strict as AWS's, and what ministack lacks of it."""

from __future__ import annotations

from local_aws import patches

# In this order: see local_aws.patches.
_STRICTER = ("permissions", "receipt_rules", "identities", "identity_settings")


def apply_all() -> None:
    """Apply the patches of what ministack has, after those of :mod:`local_aws.patches`."""
    patches.apply(f"{__name__}.{module}" for module in _STRICTER)
