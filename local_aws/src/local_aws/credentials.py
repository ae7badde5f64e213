"""The key that people deploy with: an IAM user with every permission.

ministack's own root key ``test`` is accepted with any signature, which would let code pass
that signs wrongly. This key belongs to an ordinary IAM user, so that its signature is checked
like everybody's.
"""

from __future__ import annotations

import json

ACCOUNT_ID = "000000000000"
REGION = "us-east-1"
USER_NAME = "local-administrator"
# Fixed, so that a shell that evaluated `local-env` survives a restart and a reset.
ACCESS_KEY_ID = "AKIALOCALADMINISTRAT"
SECRET_ACCESS_KEY = "local-administrator-secret-not-for-aws"

REQUIRED = (
    "ministack.services.iam._access_keys",
    "ministack.services.iam._user_inline_policies",
    "ministack.services.iam._users",
    "ministack.core.responses.request_scope",
)

_ADMINISTRATOR_ACCESS = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
}


def seed() -> None:
    """Put the administrator and its key into ministack's IAM; repeating it changes nothing."""
    from ministack.core.responses import request_scope
    from ministack.services import iam

    created = "2026-01-01T00:00:00Z"
    with request_scope(ACCOUNT_ID, REGION):
        iam._users[USER_NAME] = {
            "UserName": USER_NAME,
            "Arn": f"arn:aws:iam::{ACCOUNT_ID}:user/{USER_NAME}",
            "UserId": "AIDALOCALADMINISTRAT",
            "CreateDate": created,
            "Path": "/",
            "PermissionsBoundary": "",
            "AttachedPolicies": [],
            "Tags": [],
        }
        iam._user_inline_policies[USER_NAME] = {
            "AdministratorAccess": json.dumps(_ADMINISTRATOR_ACCESS)
        }
        iam._access_keys[ACCESS_KEY_ID] = {
            "UserName": USER_NAME,
            "AccessKeyId": ACCESS_KEY_ID,
            "SecretAccessKey": SECRET_ACCESS_KEY,
            "Status": "Active",
            "CreateDate": created,
        }
