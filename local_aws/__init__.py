"""A local AWS: the PyPI package ``ministack`` with IAM enforced and what it lacks added.

It emulates AWS and knows nothing of this project's architectures.
"""
