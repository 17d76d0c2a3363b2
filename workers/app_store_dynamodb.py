"""Apps in DynamoDB, through boto3.

Sockudo's items are got by ``id``; soketi's are found by ``AppKey`` in the index ``AppKeyIndex``.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import boto3
from boto3.dynamodb.types import TypeDeserializer
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from sockq.drivers.errors import BackendRefused, BackendUnavailable
from sockq.workers.answer import one_line
from sockq.workers.app_store import (
    ANSWER_SECONDS,
    CONNECT_SECONDS,
    CONNECTIONS,
    AppStore,
    DynamoStoreSettings,
    Shape,
    label_of,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

_FINAL: Final = frozenset(
    {
        "AccessDeniedException",
        "InvalidSignatureException",
        "UnrecognizedClientException",
        "InvalidClientTokenId",
        "MissingAuthenticationTokenException",
        "SignatureDoesNotMatch",
        "ValidationException",
    }
)
_SOKETI_INDEX: Final = "AppKeyIndex"


class DynamoStore(AppStore):
    """One table."""

    def __init__(self, settings: DynamoStoreSettings) -> None:
        self._settings = settings
        self.label = label_of(settings)
        self._lock = threading.Lock()
        self._client: DynamoDBClient | None = None
        self._value = TypeDeserializer().deserialize

    def check(self) -> None:
        """Ask for an app of no name: a worker needs no other right than that of reading."""
        self.read(" ")

    def read(self, name: str) -> Mapping[str, object] | None:
        """The item of one app."""
        try:
            item = self._item(name)
        except ClientError as error:
            told = error.response.get("Error", {})
            text = f"{told.get('Code', 'error')}: {told.get('Message', '')}"
            final = told.get("Code") in _FINAL
            raise self._error(text, BackendRefused if final else BackendUnavailable) from None
        except (BotoCoreError, OSError) as error:
            raise self._error(str(error), BackendUnavailable) from None
        return None if item is None else {key: self._value(item[key]) for key in item}

    def close(self) -> None:
        """Close its connections."""
        if self._client is not None:
            self._client.close()

    def _item(self, name: str) -> Mapping[str, Any] | None:
        client, table = self._connected(), self._settings.table
        if self._settings.shape is Shape.SOCKUDO:
            return client.get_item(TableName=table, Key={"id": {"S": name}}).get("Item")
        found = client.query(
            TableName=table,
            IndexName=_SOKETI_INDEX,
            KeyConditionExpression="AppKey = :key",
            ExpressionAttributeValues={":key": {"S": name}},
            ScanIndexForward=False,
            Limit=1,
        )
        return next(iter(found["Items"]), None)

    def _connected(self) -> DynamoDBClient:
        with self._lock:
            if self._client is None:
                wanted = self._settings
                session = boto3.session.Session(
                    aws_access_key_id=wanted.access_key_id,
                    aws_secret_access_key=wanted.secret_access_key,
                    profile_name=wanted.profile,
                    region_name=wanted.region,
                )
                config = Config(
                    connect_timeout=CONNECT_SECONDS,
                    read_timeout=ANSWER_SECONDS,
                    retries={"mode": "standard", "total_max_attempts": 2},
                    max_pool_connections=CONNECTIONS,
                )
                self._client = session.client(
                    "dynamodb", endpoint_url=wanted.endpoint_url, config=config
                )
            return self._client

    def _error(
        self, text: str, kind: type[BackendRefused | BackendUnavailable]
    ) -> BackendRefused | BackendUnavailable:
        return kind(f"app store {self.label}: {one_line(text)}")
