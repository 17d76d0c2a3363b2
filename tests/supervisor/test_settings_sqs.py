"""Sockudo's sqs driver: its settings, variables and faults; what ``check`` and ``run`` say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.configured import APP, apps, configured

from sockq.drivers.settings import LeaseSettings, SqsSettings
from sockq.drivers.sqs_names import dead_name, given_url, queue_name
from sockq.supervisor.producer_advice import producer_advice
from sockq.supervisor.run_command import announcement
from sockq.supervisor.settings import Configuration
from sockq.supervisor.settings_report import report

DRIVER = {"QUEUE_DRIVER": "sqs"}
PREFIX = "https://sqs.eu-west-1.amazonaws.com/123456789012/"
JOURNAL = Path("/tmp/sq-test/sqs")


def sqs(configuration: Configuration) -> SqsSettings:
    assert configuration.faults == ()
    assert configuration.fleet is not None
    assert isinstance(configuration.fleet.driver, SqsSettings)
    return configuration.fleet.driver


def content(**section: object) -> dict[str, Any]:
    return {"queue": {"driver": "sqs", "sqs": section}}


def test_defaults_are_the_server_s(tmp_path: Path) -> None:
    found = configured(tmp_path, apps(APP), DRIVER)
    assert sqs(found) == SqsSettings(journal=JOURNAL, dialect="sockudo")
    assert found.fleet is not None
    assert found.fleet.workers == 5
    assert found.fleet.worker.lease_seconds == 30.0
    assert found.warnings == ()


def test_a_file_sets_everything(tmp_path: Path) -> None:
    found = configured(
        tmp_path,
        content(
            region="eu-west-1",
            queue_url_prefix=PREFIX,
            visibility_timeout=45,
            endpoint_url="http://127.0.0.1:4566",
            max_messages=3,
            wait_time_seconds=20,
            concurrency=7,
            fifo=True,
            message_group_id="webhooks",
        ),
    )
    driver = sqs(found)
    assert driver == SqsSettings(
        region="eu-west-1",
        queue_url_prefix=PREFIX,
        visibility_timeout_seconds=45,
        endpoint_url="http://127.0.0.1:4566",
        max_messages=3,
        wait_time_seconds=20,
        fifo=True,
        message_group_id="webhooks",
        journal=JOURNAL,
        dialect="sockudo",
        lease=LeaseSettings(lease_seconds=45.0),
    )
    assert (given_url(driver), queue_name(driver)) == (f"{PREFIX}webhooks.fifo", "webhooks.fifo")
    assert found.fleet is not None
    assert found.fleet.workers == 7
    assert found.fleet.worker.lease_seconds == 45.0


def test_variables_count_before_the_file(tmp_path: Path) -> None:
    environ = {
        "QUEUE_SQS_REGION": "us-west-2",
        "QUEUE_SQS_VISIBILITY_TIMEOUT": "60",
        "QUEUE_SQS_ENDPOINT_URL": "https://vpce.example",
        "QUEUE_SQS_MAX_MESSAGES": "1",
        "QUEUE_SQS_WAIT_TIME_SECONDS": "0",
        "QUEUE_SQS_CONCURRENCY": "0",
        "QUEUE_SQS_FIFO": "true",
    }
    found = configured(tmp_path, content(region="eu-west-1", message_group_id=None), environ)
    driver = sqs(found)
    assert (driver.region, driver.endpoint_url) == ("us-west-2", "https://vpce.example")
    assert (driver.visibility_timeout_seconds, driver.lease.lease_seconds) == (60, 60.0)
    assert (driver.max_messages, driver.wait_time_seconds, driver.fifo) == (1, 0, True)
    assert driver.message_group_id is None
    assert found.fleet is not None
    assert found.fleet.workers == 8  # 0: the server leaves the queue to us


@pytest.mark.parametrize(
    ("environ", "lease"),
    [
        ({}, 20.0),
        ({"SOCKQ_LEASE_SECONDS": "12.5"}, 12.5),
        ({"QUEUE_LEASE_DURATION_MS": "9000"}, 20.0),  # of Sockudo's Redis queues
    ],
)
def test_a_lease_is_the_visibility_timeout(
    tmp_path: Path, environ: dict[str, str], lease: float
) -> None:
    found = configured(tmp_path, content(visibility_timeout=20), environ)
    assert sqs(found).lease.lease_seconds == lease
    assert sqs(found).visibility_timeout_seconds == 20
    assert found.fleet is not None
    assert found.fleet.worker.lease_seconds == lease


@pytest.mark.parametrize(
    ("section", "environ", "complaint"),
    [
        ({"visibility_timeout": 0}, {}, "a whole number from 1 to 43200, found 0"),
        ({"visibility_timeout": "30"}, {}, "a whole number from 1 to 43200"),
        ({"max_messages": 11}, {}, "from 1 to 10"),
        ({"wait_time_seconds": 21}, {}, "from 0 to 20"),
        ({"fifo": "yes"}, {}, "queue.sqs.fifo"),
        ({"message_group_id": ""}, {}, "text that is not empty"),
        ({"region": None}, {}, "queue.sqs.region"),
        ({"endpoint_url": "localhost:4566"}, {}, "does not start with http:// or https://"),
        ({"endpoint_url": "http://"}, {}, "no host"),
        ({"endpoint_url": "http://[::1"}, {}, "no URL"),
        ({"queue_url_prefix": "https://a:hush@h/1/"}, {}, "AWS_SECRET_ACCESS_KEY"),
        ({}, {"QUEUE_SQS_MAX_MESSAGES": "ten"}, "QUEUE_SQS_MAX_MESSAGES"),
        ({}, {"QUEUE_SQS_FIFO": "maybe"}, "QUEUE_SQS_FIFO"),
    ],
)
def test_what_cannot_work_is_refused_in_one_line(
    tmp_path: Path, section: dict[str, object], environ: dict[str, str], complaint: str
) -> None:
    found = configured(tmp_path, content(**section), environ)
    (fault,) = found.faults
    assert complaint in fault
    assert "hush" not in fault
    assert found.fleet is None


def test_check_and_run_say_which_queue(tmp_path: Path) -> None:
    file = content(fifo=True, endpoint_url="http://127.0.0.1:4566", visibility_timeout=40)
    found = configured(tmp_path, file | apps(APP))
    text = "\n".join(report(found))
    assert "webhooks.fifo, SQS in us-east-1 (http://127.0.0.1:4566)" in text
    lease = next(line for line in report(found) if line.startswith("sockq.lease_seconds"))
    assert lease.split(maxsplit=2)[1:] == [
        "40",
        f"queue.sqs.visibility_timeout, {tmp_path / 'sockudo.json'}",
    ]
    assert found.fleet is not None
    (opening, _) = announcement(found.fleet)
    assert "5 workers, SQS in us-east-1 (http://127.0.0.1:4566), queue webhooks.fifo," in opening
    assert producer_advice(found) == [
        "Sockudo servers, to only enqueue: QUEUE_SQS_CONCURRENCY=0 on each"
    ]


def test_a_prefix_may_hold_the_start_of_the_name(tmp_path: Path) -> None:
    """Else the queues of two prefixes would share their dead letters."""
    found = configured(tmp_path, content(queue_url_prefix=f"{PREFIX}shop-"))
    driver = sqs(found)
    assert given_url(driver) == f"{PREFIX}shop-webhooks"
    assert dead_name(queue_name(driver)) == "shop-webhooks-dead"
    assert f"{PREFIX}shop-webhooks" in "\n".join(report(found))
