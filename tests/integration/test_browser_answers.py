"""
Answers that are asked for by POST, in a real Chromium: each is paid for once and shown once.

Whatever happens to the tab or to the network, the server sees one POST for each question.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from sse_observe import SSEMetrics
from tests.apps.paid_answers import PaidAnswers
from tests.apps.site import counting, site
from tests.support.proxy import UnreliableProxy
from tests.support.site_tab import finish, log_of, served, set_hidden, wait_for, wait_for_messages

pytestmark = [pytest.mark.slow, pytest.mark.long]

CHAT = "/chat"
BOTH = pytest.mark.parametrize("named", [True, False], ids=["named by hello", "nameless"])
STORED = "({ storage: sessionStorage })"


@pytest.fixture
def answers(named: bool) -> PaidAnswers:
    return PaidAnswers(named=named)


@pytest.fixture
def proxy(answers: PaidAnswers, metrics: SSEMetrics) -> Iterator[UnreliableProxy]:
    with served(site(counting(1, 0), metrics, more={CHAT: answers})) as proxy:
        yield proxy


def ask(tab: Any, question: str, more: str = "({})", **options: Any) -> None:
    """Ask a question on the web page of a tab; `more` is JavaScript for further options."""
    tab.until("window.ready")
    fetch = {"method": "POST", "body": json.dumps({"ask": question})}
    options = {"fetch": fetch, "retryBase": 100, "waitingAfter": 3_600_000, **options}
    tab.run(
        f"([url, options]) => {{ window.stream(url, {{ ...options, ...{more} }}); }}",
        [CHAT, options],
    )


def shown(log: dict[str, Any]) -> list[str]:
    """Return the words that the user was shown."""
    chunks = [json.loads(text) for text in log["messages"] if text != "[DONE]"]
    return [chunk["choices"][0]["delta"]["content"] for chunk in chunks]


@BOTH
def test_an_undisturbed_answer(named: bool, window: Any, proxy: Any, answers: PaidAnswers) -> None:
    """It is complete at `[DONE]`, and asked for once."""
    tab = window.tab(proxy.url)
    ask(tab, "poem")
    wait_for_messages(tab, 5)
    answers.enough()
    log = finish(tab)

    assert log["statuses"] == ["connecting", "live", "complete"]
    assert shown(log) == answers.words("poem")[:-1]
    assert (answers.asked, answers.resumed) == (["poem"], [])


@BOTH
def test_an_answer_that_is_cut(named: bool, window: Any, proxy: Any, answers: PaidAnswers) -> None:
    """Named it goes on by GET where it was; nameless it has failed, and is not paid for again."""
    tab = window.tab(proxy.url)
    ask(tab, "poem")
    wait_for_messages(tab, 5)
    proxy.reset()
    if named:
        tab.until("window.log.openedAt.length === 2")
        answers.enough()
    log = finish(tab, "complete" if named else "failed")

    assert answers.asked == ["poem"]
    assert log["reasons"] == ([] if named else ["interrupted"])
    words = answers.words("poem")
    assert shown(log) == (words[:-1] if named else words[: len(shown(log))])
    assert len(answers.resumed) == (1 if named else 0)


@BOTH
def test_a_tab_that_is_hidden_and_looked_at(
    named: bool, window: Any, proxy: Any, answers: PaidAnswers
) -> None:
    """Another tab in front, a look back: the answer goes on, and nothing is sent."""
    tab = window.tab(proxy.url)
    ask(tab, "poem")
    wait_for_messages(tab, 3)
    other = window.tab("about:blank")
    for one in (tab, other, tab):
        tab.call(one.page.bring_to_front())
        for hidden in (True, False):
            set_hidden(tab, hidden=hidden)
        wait_for_messages(tab, len(log_of(tab)["messages"]) + 3)
    answers.enough()
    log = finish(tab)

    assert shown(log) == answers.words("poem")[:-1]
    assert (answers.asked, answers.resumed) == (["poem"], [])


@BOTH
def test_a_tab_that_is_left_and_comes_back(
    named: bool, window: Any, proxy: Any, answers: PaidAnswers
) -> None:
    """Back from the back-forward cache it resumes by GET, or has failed; no second POST."""
    tab = window.tab(proxy.url)
    ask(tab, "poem")
    wait_for_messages(tab, 5)
    tab.call(tab.page.goto(f"{proxy.url}/other"))
    tab.call(tab.page.go_back(wait_until="commit"))
    tab.until("window.ready")
    # Unless this browser kept nothing: then the web page began anew, and has asked nothing.
    if tab.run("Boolean(window.log)"):
        if named:
            tab.until("window.log.openedAt.length === 2")
            answers.enough()
        log = finish(tab, "complete" if named else "failed")
        words = answers.words("poem")
        assert shown(log) == (words[:-1] if named else words[: len(shown(log))])

    assert answers.asked == ["poem"]


@BOTH
def test_a_reload(named: bool, window: Any, proxy: Any, answers: PaidAnswers) -> None:
    """With storage a named answer is resumed; another question never is, nor a nameless answer."""
    tab = window.tab(proxy.url)
    ask(tab, "poem", STORED)
    wait_for_messages(tab, 5)
    before = len(log_of(tab)["messages"])
    tab.call(tab.page.reload())
    ask(tab, "salary", STORED)
    wait_for_messages(tab, 3)
    ask(tab, "poem", STORED)
    wait_for_messages(tab, 3)
    answers.enough()
    log = finish(tab)

    assert answers.asked == ["poem", "salary"] + ([] if named else ["poem"])
    assert len(answers.resumed) == (1 if named else 0)
    words = shown(log)
    assert {word.partition(":")[0] for word in words} == {"poem"}
    first = int(words[0].partition(":")[2])
    # What it had seen when it was left, it does not see again.
    assert first >= before if named else first == 0
    other = tab.run("window.logs[0]")
    assert {word.partition(":")[0] for word in shown(other)} == {"salary"}


@BOTH
def test_two_tabs_that_share(named: bool, window: Any, proxy: Any, answers: PaidAnswers) -> None:
    """Each is shown the answer to its own question, even if the question is the same."""
    questions = ("salary", "poem", "poem")
    tabs = [window.tab(proxy.url) for _ in questions]
    for tab, question in zip(tabs, questions, strict=True):
        ask(tab, question, share=True)
        wait_for_messages(tab, 3)
    answers.enough()
    logs = [finish(tab) for tab in tabs]

    assert answers.asked == list(questions)
    for log, question in zip(logs, questions, strict=True):
        words = shown(log)
        assert words == [f"{question}:{n}" for n in range(len(words))]


@pytest.mark.parametrize("named", [False], ids=["nameless"])
def test_an_idempotency_key_allows_a_second_post(
    named: bool, window: Any, proxy: Any, answers: PaidAnswers
) -> None:
    """The web page says that its server does the work once; what it sends again is shown once."""
    tab = window.tab(proxy.url)
    ask(tab, "poem", idempotencyKey="k1")
    wait_for_messages(tab, 5)
    proxy.reset()
    wait_for(lambda: len(answers.asked) == 2, lambda: answers.asked)
    tab.until("window.log.openedAt.length === 2")
    wait_for_messages(tab, len(log_of(tab)["messages"]) + 3)
    answers.enough()
    log = finish(tab)

    words = shown(log)
    assert words == [f"poem:{n}" for n in range(len(words))]


class Private:
    """Takes one token after another, each for one connection; `asked` is what each one carried."""

    def __init__(self) -> None:
        self._valid = 1
        self.asked: list[tuple[str | None, str | None]] = []

    async def token(self, scope: Any, receive: Any, send: Any) -> None:
        """Hand out the token that is valid now."""
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"%d" % self._valid})

    async def stream(self, scope: Any, receive: Any, send: Any) -> None:
        """Send three events after the cursor; the first connection ends there."""
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        token, cursor = headers.get("authorization"), headers.get("last-event-id")
        self.asked.append((token, cursor))
        if token != f"Bearer {self._valid}":
            await send({"type": "http.response.start", "status": 401, "headers": []})
            await send({"type": "http.response.body", "body": b""})
            return
        at = 0 if cursor is None else int(cursor) + 1
        kind = [(b"content-type", b"text/event-stream")]
        body = b"".join(b"id: %d\ndata: %d\n\n" % (n, n) for n in range(at, at + 3))
        body += b"event: done\ndata: x\n\n" if self._valid == 2 else b""
        self._valid = 2
        await send({"type": "http.response.start", "status": 200, "headers": kind})
        await send({"type": "http.response.body", "body": body})


REFRESH = """
async () => {
  const { ResilientEventSource } = await import("/sse/sse-observe.js");
  const fresh = async () => (await fetch("/token")).text();
  let token = await fresh();
  const heard = { messages: [], refused: [], gaps: 0, errors: 0 };
  const headers = async (refused) => {
    heard.refused.push(refused ?? null);
    if (refused) token = await fresh();
    return { Authorization: `Bearer ${token}` };
  };
  const options = { fetch: { headers }, retryBase: 50, reportTo: "" };
  const source = new ResilientEventSource("/private", options);
  source.onmessage = ({ data }) => heard.messages.push(+data);
  source.onerror = () => heard.errors++;
  source.addEventListener("sse.gap", () => heard.gaps++);
  return new Promise((done) =>
    source.addEventListener("sse.status", ({ status }) =>
      /complete|failed/.test(status) && done({ ...heard, status })));
}
"""


def test_a_token_that_has_expired_is_asked_for_anew(window: Any, metrics: SSEMetrics) -> None:
    """A 401 asks the function for headers once more, and the stream goes on from its cursor."""
    private = Private()
    more = {"/private": private.stream, "/token": private.token}
    with served(site(counting(1, 0), metrics, more=more)) as proxy:
        tab = window.tab(proxy.url)
        heard = tab.run(REFRESH)

    assert heard["messages"] == [0, 1, 2, 3, 4, 5]
    assert heard["refused"] == [None, None, 401]
    assert (heard["status"], heard["gaps"], heard["errors"]) == ("complete", 0, 1)
    assert private.asked == [("Bearer 1", None), ("Bearer 1", "2"), ("Bearer 2", "2")]
