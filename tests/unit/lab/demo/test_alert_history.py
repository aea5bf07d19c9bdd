"""How alerts change over a demo: each change once, and a resolved alert is remembered."""

from collections.abc import Iterable

from sse_observe.lab.demo.alert_history import AlertHistory
from sse_observe.lab.programs.prometheus import ActiveAlert


def alert(state: str, name: str = "SSEMessageLoss", **labels: str) -> ActiveAlert:
    return ActiveAlert(
        {"alertname": name, "severity": "critical", **labels}, state, {"runbook_url": "http://h/x"}
    )


def after(*looks: Iterable[ActiveAlert]) -> AlertHistory:
    """Return the history of some looks, ten seconds apart."""
    history = AlertHistory()
    for number, alerts in enumerate(looks):
        history.observe(alerts, 10.0 * number)
    return history


def test_each_change_of_state_is_kept_once_with_its_time() -> None:
    """Looking twice changes nothing; resolved is the end of firing."""
    history = after([alert("pending")], [alert("firing")], [alert("firing")], [], [])

    assert [(one.state, one.since) for one in history.changes] == [
        ("pending", 0),
        ("firing", 10),
        ("resolved", 30),
    ]
    assert [(one.state, one.since) for one in history.now] == [("resolved", 30)]


def test_an_alert_that_never_fired_leaves_no_trace_on_the_screen() -> None:
    """Pending and gone again is no news."""
    assert after([alert("pending")], []).now == ()


def test_an_alert_that_comes_back_fires_again() -> None:
    """Resolved is not for ever."""
    history = after([alert("firing")], [], [alert("firing")])

    assert [one.state for one in history.changes] == ["firing", "resolved", "firing"]


def test_each_pair_of_windows_is_an_alert_of_its_own() -> None:
    """One burn-rate alert is several rules; each has its own line."""
    history = after(
        [
            alert("firing", "SSEErrorBudgetBurn", long="1h", short="5m"),
            alert("pending", "SSEErrorBudgetBurn", long="3d", short="6h"),
        ]
    )

    assert [(one.name, one.state) for one in history.now] == [
        ("SSEErrorBudgetBurn 1h/5m", "firing"),
        ("SSEErrorBudgetBurn 3d/6h", "pending"),
    ]
