"""A local AWS: the package ``ministack`` with IAM enforced and the services that it lacks.

It emulates AWS and knows nothing of the programs that are deployed to it.
"""
