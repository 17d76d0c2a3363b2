"""Each step that BullMQ 1.80.3 and 1.91.1 were recorded at, done by us from the same state.

What stands in Redis afterwards must be what BullMQ left: same keys, same fields, same events. Where
it differs on purpose, the case says so.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

import pytest
from support.bullmq import bullmq_source, raw_redis
from support.bullmq_transcript import (
    QUEUE,
    VERSIONS,
    Replay,
    due_later,
    gate,
    held,
    meta,
    of_the_queue,
    without_gate,
)
from support.redis_server import RedisServer

from sockq.drivers.job import Ack, Dead, NewJob, Retry


@pytest.fixture(params=VERSIONS)
async def replay(
    request: pytest.FixtureRequest, redis_server: RedisServer
) -> AsyncIterator[Replay]:
    async with raw_redis(redis_server) as redis, bullmq_source(redis_server, "tr:") as source:
        yield Replay(request.param, redis, source)
        await redis.flushdb()


async def test_adding_three_jobs(replay: Replay) -> None:
    await replay.start({f"{QUEUE}meta": meta()})
    jobs = [NewJob(replay.payload(0, n)) for n in "123"]
    ids = await replay.source.enqueue(jobs)
    assert [id_.partition("@")[0] for id_ in ids] == [f"client_event_webhooks:{n}" for n in "123"]
    assert await replay.now() == replay.after(0)
    for n in "123":
        assert await replay.redis.hget(QUEUE + n, "opts") == replay.opts(0, n)


@pytest.mark.parametrize(
    ("step", "job_id", "attempt"), [(1, "1", 1), (9, "3", 1), (11, "2", 2), (25, "4", 1)]
)
async def test_taking_a_job(replay: Replay, step: int, job_id: str, attempt: int) -> None:
    await replay.start(replay.before(step))
    (lease,) = await replay.source.claim(1, 0.0, "w:1")
    assert lease.id.startswith(f"client_event_webhooks:{job_id}@")
    assert (lease.attempt, lease.payload) == (attempt, replay.payload(step, job_id))
    assert await replay.now() == replay.after(step)
    assert (await replay.redis.get(f"{QUEUE}{job_id}:lock")).endswith(":w:1")


async def test_a_job_that_stalled_is_taken_and_its_stall_forgotten(replay: Replay) -> None:
    """BullMQ keeps `stalledCounter`, and deletes the job at the next stall."""
    await replay.start(replay.before(17))
    (lease,) = await replay.source.claim(1, 0.0, "w:1")
    assert (lease.attempt, lease.crashes) == (3, 0)
    expected = replay.after(17)
    assert expected[f"{QUEUE}2"]["value"].pop("stalledCounter") == "1"
    assert await replay.now() == expected


async def test_extending_a_lock(replay: Replay) -> None:
    await replay.start(replay.before(2))
    assert await replay.source.extend([held("1", "T1")], 30.0) == [True]
    assert await replay.now() == replay.after(2)
    assert await replay.source.extend([held("1", "WRONG")], 30.0) == [False]
    assert await replay.now() == replay.after(3)


async def test_extending_a_lock_takes_the_job_from_the_stalled(replay: Replay) -> None:
    await replay.start(replay.before(14))
    assert await replay.source.extend([held("2", "T3")], 30.0) == [True]
    assert await replay.now() == replay.after(14)


async def test_a_wrong_token_completes_nothing(replay: Replay) -> None:
    await replay.start(replay.before(4))
    assert await replay.source.settle([Ack(held("1", "WRONG"))]) == [False]
    assert await replay.now() == replay.after(4)


async def test_completing_a_job_and_taking_the_next(replay: Replay) -> None:
    await replay.start(replay.before(5))
    assert await replay.source.settle([Ack(held("1", "T1"))]) == [True]
    (lease,) = await replay.source.claim(1, 0.0, "w:1")
    assert lease.id.startswith("client_event_webhooks:2@")
    assert await replay.now() == replay.after(5)


async def test_a_failed_attempt_is_delayed(replay: Replay) -> None:
    await replay.start(replay.before(6))
    before_ms = time.time_ns() // 1_000_000
    assert await replay.source.settle([Retry(held("2", "T1"), 1.0, b"")]) == [True]
    after_ms = time.time_ns() // 1_000_000
    expected = replay.after(6)
    expected[f"{QUEUE}2"]["value"].pop("failedReason")
    if replay.version == "1.80.3":  # which leaves the lock there to run out
        del expected[f"{QUEUE}2:lock"]
    assert await replay.now() == expected
    score = int(await replay.redis.zscore(f"{QUEUE}delayed", "2"))
    assert before_ms + 1_000 <= score // 4096 <= after_ms + 1_000
    ((_, entry),) = await replay.redis.xrange(f"{QUEUE}delay")
    assert float(entry["nextTimestamp"]) == score / 4096


async def test_a_delayed_job_that_is_not_due_stays(replay: Replay) -> None:
    dump = replay.before(7)
    dump[f"{QUEUE}delayed"] = due_later("2")
    dump[f"{QUEUE}stalled-check"] = gate()
    await replay.start(dump)
    assert await replay.source.reclaim(None) == 0
    expected = replay.after(7)
    del expected[f"{QUEUE}delay"]["value"][-1]  # the scheduler's note to itself
    assert without_gate(await replay.now()) == without_gate(expected)


async def test_a_delayed_job_that_is_due_goes_behind_the_others(replay: Replay) -> None:
    dump = replay.before(8)
    dump[f"{QUEUE}stalled-check"] = gate()
    await replay.start(dump)
    assert await replay.source.reclaim(None) == 0
    assert without_gate(await replay.now()) == without_gate(replay.after(8))


async def test_a_job_that_is_given_up_is_kept(replay: Replay) -> None:
    """BullMQ deletes it: `removeOnFail`. All else is as BullMQ leaves it."""
    dump = replay.before(10)
    job = dump[f"{QUEUE}3"]["value"] | {"attemptsMade": "6"}
    dump[f"{QUEUE}3"] = dump[f"{QUEUE}3"] | {"value": job}
    await replay.start(dump)
    assert await replay.source.settle([Dead(held("3", "T2"), "HTTP 500", b"")]) == [True]
    seen = await replay.now()
    kept = seen.pop(f"{QUEUE}3")["value"]
    assert seen.pop(f"{QUEUE}failed")["value"] == [["3", "T"]]
    assert seen == replay.after(10)
    assert kept["failedReason"] == "HTTP 500"
    assert kept["finishedOn"] == "T"
    assert kept["data"].encode() == replay.payload(9, "3")
    assert await replay.redis.hget(f"{QUEUE}3", "stacktrace") == '["HTTP 500"]'


async def test_a_check_for_stalled_jobs_marks_what_is_active(replay: Replay) -> None:
    await replay.start(replay.before(12))
    assert await replay.source.reclaim(None) == 0
    assert of_the_queue(await replay.now()) == replay.after(12)
    assert await replay.source.reclaim(None) == 0  # the gate is shut
    assert of_the_queue(await replay.now()) == replay.after(13)


@pytest.mark.parametrize("step", [15, 18])
async def test_a_later_check_marks_again(replay: Replay, step: int) -> None:
    dump = replay.before(step)
    del dump[f"{QUEUE}stalled-check"]
    await replay.start(dump)
    assert await replay.source.reclaim(None) == 0
    assert of_the_queue(await replay.now()) == replay.after(step)


async def test_a_stalled_job_of_others_is_next_to_run(replay: Replay) -> None:
    dump = replay.before(16)
    del dump[f"{QUEUE}stalled-check"], dump[f"{QUEUE}2:lock"]
    await replay.start(dump)
    assert await replay.source.reclaim(None) == 1
    assert of_the_queue(await replay.now()) == replay.after(16)


async def test_a_job_that_stalls_too_often_is_a_dead_letter(replay: Replay) -> None:
    """As with 1.80. 1.91 deletes it: `removeOnFail`."""
    dump = replay.before(19)
    del dump[f"{QUEUE}stalled-check"], dump[f"{QUEUE}2:lock"]
    await replay.start(dump)
    assert await replay.source.reclaim(None) == 1
    seen = of_the_queue(await replay.now())
    page = await replay.source.dead_letters(None, 10)
    assert [letter.reason for letter in page.letters] == ["job stalled more than allowable limit"]
    if replay.version == "1.91.1":
        assert seen.pop(f"{QUEUE}2")["value"]["stalledCounter"] == "2"
        assert seen.pop(f"{QUEUE}failed")["value"] == [["2", "T"]]
    assert seen == replay.after(19)


async def test_a_job_that_is_gone_is_not_completed(replay: Replay) -> None:
    await replay.start(replay.before(20))
    assert await replay.source.settle([Ack(held("2", "T3"))]) == [False]
    assert await replay.now() == replay.after(20)


async def test_adding_to_a_paused_queue(replay: Replay) -> None:
    await replay.start(replay.before(22))
    await replay.source.enqueue([NewJob(replay.payload(22, "5"))])
    assert await replay.now() == replay.after(22)
    assert await replay.source.claim(1, 0.0, "w:1") == []
    assert await replay.now() == replay.after(23)


async def test_a_retry_without_delay_goes_behind_the_others(replay: Replay) -> None:
    await replay.start(replay.before(26))
    assert await replay.source.settle([Retry(held("4", "T6"), 0.0, b"")]) == [True]
    expected = replay.after(26)
    expected[f"{QUEUE}4"]["value"].pop("failedReason", None)
    if replay.version == "1.80.3":  # which leaves the lock there to run out
        del expected[f"{QUEUE}4:lock"]
    assert await replay.now() == expected


async def test_jobs_with_a_priority_go_to_their_place(replay: Replay) -> None:
    """Recorded when they were added; ours come out of the delayed ones, by the same rule."""
    dump = replay.before(27)
    after = replay.after(27)
    for job_id in "67":
        dump[QUEUE + job_id] = {"type": "hash", "pttl": -1, "value": after[QUEUE + job_id]["value"]}
        dump[QUEUE + job_id]["value"]["opts"] = replay.opts(27, job_id)
    dump[f"{QUEUE}delayed"] = {"type": "zset", "pttl": -1, "value": [["6", "6"], ["7", "7"]]}
    await replay.start(dump)
    await replay.source.reclaim(None)
    seen = await replay.now()
    for key in ("wait", "priority"):
        assert seen[QUEUE + key] == after[QUEUE + key]


async def test_adding_a_delayed_job(replay: Replay) -> None:
    await replay.start(replay.before(28))
    (id_,) = await replay.source.enqueue([NewJob(replay.payload(28, "8"))], 2.0)
    assert id_.startswith("client_event_webhooks:8@")
    assert await replay.now() == replay.after(28)


async def test_adding_a_job_with_an_id_twice(replay: Replay) -> None:
    await replay.start(replay.before(29))
    job = NewJob(replay.payload(29, "abc"), id="abc")
    assert await replay.source.enqueue([job]) == ["abc"]
    assert await replay.source.enqueue([job]) == ["abc"]
    assert await replay.now() == replay.after(29)


async def test_a_job_that_is_to_be_kept_when_it_fails(replay: Replay) -> None:
    dump = replay.before(32)
    dump[f"{QUEUE}delayed"] = due_later("8")
    await replay.start(dump)
    (lease,) = await replay.source.claim(1, 0.0, "w:1")
    assert lease.id.startswith("client_event_webhooks:12@")
    assert await replay.now() == replay.after(32)
    assert await replay.source.settle([Dead(lease, "kept", b"")]) == [True]
    assert await replay.now() == replay.after(33)
