"""Turns: one at a time, the urgent first, nobody for ever last, and a waiter that leaves takes no turn with it."""

import asyncio
from random import Random

from storyloom.runtime.priority import PriorityLock
from storyloom.story.assets import Priority

HIGH, NORMAL, URGENT = Priority.HIGH, Priority.NORMAL, Priority.URGENT


async def order(lock: PriorityLock, priorities: list[Priority]) -> list[Priority]:
    """In which order those who came while somebody had the turn get theirs."""
    had: list[Priority] = []
    first, go = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        async with lock.acquire(NORMAL):
            first.set()
            await go.wait()

    async def take(priority: Priority) -> None:
        async with lock.acquire(priority):
            had.append(priority)

    holder = asyncio.create_task(hold())
    await first.wait()
    takers = [asyncio.create_task(take(priority)) for priority in priorities]
    await asyncio.sleep(0)
    go.set()
    await asyncio.gather(holder, *takers)
    return had


async def test_the_urgent_do_not_wait_behind_the_others() -> None:
    had = await order(PriorityLock(), [NORMAL] * 20 + [URGENT, HIGH, URGENT])
    assert had.index(URGENT) == 0
    assert max(place for place, priority in enumerate(had) if priority is URGENT) <= 3


async def test_the_others_have_their_share_while_the_urgent_keep_coming() -> None:
    had = await order(PriorityLock(), [NORMAL] * 10 + [URGENT] * 40)
    assert had[:40].count(NORMAL) >= 10


async def test_one_at_a_time_and_all_in_the_end_whoever_leaves_meanwhile() -> None:
    """200 comers, a third of whom are cancelled at some moment."""
    chance, lock = Random(7), PriorityLock()
    inside = 0
    done: list[int] = []

    async def hold_once(number: int) -> None:
        nonlocal inside
        async with lock.acquire(chance.choice(tuple(Priority))):
            inside += 1
            try:
                assert inside == 1
                for _ in range(chance.randrange(3)):
                    await asyncio.sleep(0)
                done.append(number)
            finally:
                inside -= 1

    tasks = [asyncio.create_task(hold_once(number)) for number in range(200)]
    left = set()
    for number in chance.sample(range(200), 66):
        await asyncio.sleep(0)
        if tasks[number].cancel():
            left.add(number)
    await asyncio.wait(tasks, timeout=5)
    assert [one for one in tasks if not one.done() or (not one.cancelled() and one.exception())] == []
    assert set(range(200)) - left <= set(done)
    async with asyncio.timeout(5), lock.acquire(NORMAL):
        pass
