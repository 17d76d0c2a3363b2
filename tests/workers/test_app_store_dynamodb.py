"""Apps in DynamoDB, on a real server process, in the items of both kinds of servers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import boto3
import pytest
from support.sql_servers import free_port
from support.sqs_server import SqsServer

from sockq.drivers.errors import BackendUnavailable
from sockq.workers.app_records import record_reader
from sockq.workers.app_store import DynamoStoreSettings, Shape, make_store
from sockq.workers.apps import AppReading, WebhookDefaults

HOOKS = json.dumps([{"url": "http://h/in", "event_types": ["a"], "headers": {"X-A": "1"}}])
TRAP = HOOKS.replace('{"X-A": "1"}', '{"headers": {"X-A": "1"}}')
NAMES = {"id": {"S": "app-id"}, "key": {"S": "app-key"}, "secret": {"S": "app-secret"}}
SOKETI = {"AppId": {"S": "7"}, "AppKey": {"S": "app-key"}, "AppSecret": {"S": "app-secret"}}


@pytest.fixture
def client(sqs_server: SqsServer) -> Iterator[Any]:
    made = boto3.client("dynamodb", region_name="us-east-1", endpoint_url=sqs_server.url)
    yield made
    made.close()


@pytest.fixture
def sockudo(client: Any, sqs_server: SqsServer, table: str) -> DynamoStoreSettings:
    _make_table(client, table, "id", "key", "KeyIndex")
    return DynamoStoreSettings(table=table, endpoint_url=sqs_server.url)


@pytest.fixture
def soketi(client: Any, sqs_server: SqsServer, table: str) -> DynamoStoreSettings:
    _make_table(client, table, "AppId", "AppKey", "AppKeyIndex")
    return DynamoStoreSettings(table=table, endpoint_url=sqs_server.url, shape=Shape.SOKETI)


def _make_table(client: Any, table: str, hash_key: str, index_key: str, index: str) -> None:
    client.create_table(
        TableName=table,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": name, "AttributeType": "S"} for name in (hash_key, index_key)
        ],
        KeySchema=[{"AttributeName": hash_key, "KeyType": "HASH"}],
        GlobalSecondaryIndexes=[
            {
                "IndexName": index,
                "KeySchema": [{"AttributeName": index_key, "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
    )


def read(settings: DynamoStoreSettings, name: str) -> AppReading:
    store = make_store(settings)
    try:
        store.check()
        row = store.read(name)
    finally:
        store.close()
    assert row is not None
    return record_reader(settings, WebhookDefaults())(row)


@pytest.mark.parametrize(
    ("attributes", "webhooks"),
    [
        ({"policy": {"S": f'{{"webhooks":{HOOKS}}}'}, "enabled": {"BOOL": True}}, 1),
        ({"policy": {"S": f'{{"webhooks":{TRAP}}}'}, "enabled": {"BOOL": False}}, 1),
        ({"policy": {"S": '{"webhooks":null}'}, "webhooks": {"S": HOOKS}}, 0),
        ({"policy": {"S": "null"}, "webhooks": {"S": HOOKS}}, 1),
        ({"policy": {"NULL": True}, "webhooks": {"S": TRAP}}, 1),
        ({"webhooks": {"S": HOOKS}, "max_connections": {"N": "5"}}, 1),
        ({"webhooks": {"S": "null"}}, 0),
        ({}, 0),
    ],
)
def test_items_of_sockudo(
    client: Any, sockudo: DynamoStoreSettings, attributes: dict[str, Any], webhooks: int
) -> None:
    client.put_item(TableName=sockudo.table, Item={**NAMES, **attributes})
    app, faults, warnings = read(sockudo, "app-id")
    assert (faults, warnings) == ([], [])
    assert app is not None
    assert (app.id, app.key, app.secret) == ("app-id", "app-key", "app-secret")
    assert len(app.webhooks) == webhooks
    for webhook in app.webhooks:
        assert webhook.endpoint is not None
        assert b"X-A: 1\r\n" in webhook.endpoint.static_head


def test_faults_of_an_item(client: Any, sockudo: DynamoStoreSettings) -> None:
    client.put_item(TableName=sockudo.table, Item={**NAMES, "policy": {"S": "{"}})
    assert read(sockudo, "app-id")[1] == [f"{sockudo.table}[app-id]: policy is not JSON"]


def test_items_of_soketi_are_found_by_key(client: Any, soketi: DynamoStoreSettings) -> None:
    item = {**SOKETI, "Enabled": {"B": b"false"}, "Webhooks": {"S": HOOKS}}
    client.put_item(TableName=soketi.table, Item=item)
    app, faults, warnings = read(soketi, "app-key")
    assert (faults, warnings) == ([], [])
    assert app is not None
    assert (app.id, app.key, app.secret) == ("7", "app-key", "app-secret")
    assert len(app.webhooks) == 1
    assert make_store(soketi).read("7") is None


def test_who_is_not_there(sockudo: DynamoStoreSettings) -> None:
    assert make_store(sockudo).read("nobody") is None


def test_a_table_that_is_not_there_yet_is_waited_for(sockudo: DynamoStoreSettings) -> None:
    store = make_store(replace(sockudo, table="later"))
    with pytest.raises(BackendUnavailable, match="ResourceNotFoundException"):
        store.check()


def test_nobody_at_the_port_is_an_outage(sockudo: DynamoStoreSettings) -> None:
    store = make_store(replace(sockudo, endpoint_url=f"http://127.0.0.1:{free_port()}"))
    with pytest.raises(BackendUnavailable, match="app store dynamodb"):
        store.read("a")


def test_no_credentials_are_an_outage_that_says_so(
    sockudo: DynamoStoreSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(BackendUnavailable, match="credentials"):
        make_store(sockudo).read("a")
