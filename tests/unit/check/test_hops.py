"""Which hop it is: what is seen outside and not inside was done in between."""

from sse_observe.check.asking.question import Question
from sse_observe.check.asking.recording import Recording
from sse_observe.check.checks import every
from sse_observe.check.hops import verdicts
from sse_observe.check.model import Checked, Evidence, Options, Place
from tests.support.check_recordings import event, flow, recording


def place(found: Recording, url: str, **others: Recording) -> Place:
    evidence = Evidence(Question(url=url), Options())
    evidence.recordings["main"] = [found]
    for name, one in others.items():
        evidence.recordings[name] = [one]
    checked = [
        Checked(check, check.judge(evidence))
        for check in every()
        if check.id in ("D1", "D3", "D5", "D6", "D7", "D10", "D19")
        and (check.any_answer or found.is_stream)
    ]
    return Place(evidence, checked)


def held(**more: object) -> Recording:
    return recording((2.0, "".join(map(event, range(20)))), headers_at=2.0, **more)


OUT, MIDDLE, IN = "http://edge/", "http://proxy:81/", "http://app:8000/"


def test_what_shows_only_outside_is_done_in_between() -> None:
    """The hop is named by the two places around it, and it is certain."""
    [found] = verdicts([place(held(), OUT), place(held(), MIDDLE), place(recording(*flow(20)), IN)])

    assert str(found) == "between proxy:81 and app:8000: everything waits for the end of the answer"
    assert found.sure


def test_what_shows_everywhere_is_the_application_s() -> None:
    """No hop does it."""
    [found] = verdicts([place(held(), OUT), place(held(), IN)])

    assert found.where == "app:8000 or behind it"


def test_two_hops_may_do_two_things() -> None:
    """One cuts, one holds back: each is named at its own place."""
    cut = recording(*flow(6), end="cut", ended_at=4.0, headers_at=0.01)
    found = verdicts(
        [place(cut, OUT), place(recording(*flow(20)), MIDDLE), place(recording(*flow(20)), IN)]
    )

    assert [(one.outer, one.inner, one.cause) for one in found] == [
        ("edge", "proxy:81", "idle_cut")
    ]


def test_a_hop_that_answers_instead_is_named() -> None:
    """A 502 outside and a stream inside."""
    broken = recording(status=502, headers={"content-type": "text/html"})
    found = verdicts([place(broken, OUT), place(recording(*flow(20)), IN)])

    assert found[0].where == "between edge and app:8000"
    assert found[0].cause == "answer"


def test_from_outside_alone_it_is_a_guess_by_the_headers() -> None:
    """The effect is seen; who does it is likely the hop that shows itself."""
    [found] = verdicts([place(held(headers={"server": "nginx"}), OUT)])

    assert not found.sure
    assert "nginx" in found.where
    assert found.fixes == ("nginx",)


def test_where_all_flows_there_is_nothing_to_say() -> None:
    """A clean way has no verdict."""
    assert verdicts([place(recording(*flow(20)), OUT), place(recording(*flow(20)), IN)]) == []
