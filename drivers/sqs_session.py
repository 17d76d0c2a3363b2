"""boto3 sessions that find the model of SQS already read.

Reading it takes most of the time that a client takes to make. The parent imports this before it
forks, so no worker, and no replacement of one, reads it again.
"""

from __future__ import annotations

import os
from typing import Final

import boto3
import botocore.session
from botocore.exceptions import DataNotFoundError, UnknownServiceError
from botocore.loaders import Loader, create_loader

#: Where boto3 looks for models beside its own.
_PATHS: Final = os.environ.get("AWS_DATA_PATH")


def _read_all() -> Loader:
    loader = create_loader(_PATHS)
    try:
        for name in ("endpoints", "partitions", "sdk-default-configuration", "_retry"):
            loader.load_data(name)
        for kind in ("service-2", "endpoint-rule-set-1"):
            loader.load_service_model("sqs", kind)
    except (DataNotFoundError, UnknownServiceError):
        pass  # another release of botocore: what it needs is read when it is needed
    return loader


_loader: Final = _read_all()


def make_session() -> boto3.session.Session:
    """A new session, with its own credentials, as ``boto3.session.Session()``."""
    session = botocore.session.get_session()
    if session.get_config_variable("data_path") == _PATHS:
        session.register_component("data_loader", _loader)
    return boto3.session.Session(botocore_session=session)
