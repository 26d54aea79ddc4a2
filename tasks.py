"""The `inv` namespace: each task parses, calls one stage, prints its report and exits with its code."""

from invoke import Collection, task


@task
def hello(c):
    """Say hello."""


namespace = Collection(hello)
