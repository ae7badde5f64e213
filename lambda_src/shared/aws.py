"""Make AWS clients with botocore, without loading boto3.

`boto3.client` calls a botocore session and returns botocore's client. The rest of boto3 (resources,
S3 transfers) costs a cold start some 40 ms of imports; a module that needs boto3 imports it.
"""

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from botocore.session import Session, get_session

if TYPE_CHECKING:
    from botocore.config import Config

__all__ = ["Keys", "aws_client"]


@dataclass(frozen=True, slots=True)
class Keys:
    """Temporary credentials of a role."""

    access_key_id: str
    secret_access_key: str
    session_token: str


def aws_client(
    service: str,
    *,
    config: "Config | None" = None,
    endpoint_url: str | None = None,
    keys: Keys | None = None,
    region: str | None = None,
) -> Any:
    """Return a client of the function's own role; like boto3's, safe to share by threads once made.

    All come from one session: a second one would look for credentials and read the list of AWS's
    endpoints again. Two threads must not make clients at the same time.

    Args:
        service: as boto3 names it; the caller annotates the client with its type.
        endpoint_url: None for AWS's own.
        keys: credentials of another role. The client stops working when they expire.
        region: None for the function's own.
    """
    return _session().create_client(
        service,
        region_name=region,
        config=config,
        endpoint_url=endpoint_url,
        aws_access_key_id=keys.access_key_id if keys else None,
        aws_secret_access_key=keys.secret_access_key if keys else None,
        aws_session_token=keys.session_token if keys else None,
    )


@cache
def _session() -> Session:
    return get_session()
