from __future__ import annotations

import asyncio

import httpx
import pytest

from ric.notifier import Notifier


def run(answers: list[httpx.Response | Exception], tries: int) -> tuple[bool, int]:
    """Whether the post was taken, and how many answers were left."""

    def handle(request: httpx.Request) -> httpx.Response:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def scenario() -> bool:
        notifier = Notifier(tries=tries, retry_s=0.0, transport=httpx.MockTransport(handle))
        try:
            return await notifier.post("http://xapp/ric/v1/subscriptions/response", {})
        finally:
            await notifier.close()

    return asyncio.run(scenario()), len(answers)


@pytest.mark.parametrize("first", [httpx.Response(500), httpx.Response(201), httpx.ConnectError("refused")])
def test_a_notification_is_repeated_until_it_is_answered_with_200(first: httpx.Response | Exception):
    assert run([first, httpx.Response(200), httpx.Response(200)], tries=10) == (True, 1)


def test_a_notification_that_nobody_takes_is_given_up():
    assert run([httpx.Response(404)] * 5, tries=3) == (False, 2)
