"""User segments are bounded by declaration."""

import pytest

from sse_observe.errors import SettingsError
from sse_observe.metrics import OTHER
from sse_observe.middleware.segments import Segments
from tests.support.asgi import drive, value
from tests.support.streaming import streaming


def segments(resolve=lambda scope: "free"):
    return Segments(("free", "pro"), resolve, on_error=lambda: None)


def test_labels_of_equal_requests_are_one_object() -> None:
    """Ten thousand open streams share the tuple of their labels."""
    ours = segments()

    assert ours.labels({}, "4g") is ours.labels({}, "4g")
    assert ours.labels({}, "4g") == ("free", "4g")


@pytest.mark.parametrize("answer", ["gold", None, "", 7])
def test_what_was_not_declared_is_other(answer) -> None:
    """A slip in the function makes no new label value."""
    assert segments(lambda scope: answer).of({}) == OTHER


def test_without_a_declaration_all_users_are_one_segment() -> None:
    """Nothing declared costs one value."""
    assert Segments((), None, on_error=lambda: None).labels({}, "unknown") == ("all", "unknown")


def test_a_wrong_declaration_says_where_it_stands() -> None:
    """The middleware and the beacon take the same declaration; the error names which."""
    with pytest.raises(SettingsError, match=r"^beacon_app: segments and segment belong together"):
        Segments(("free",), None, on_error=lambda: None, where="beacon_app")


def test_user_segments_are_the_declared_ones(observe, metrics):
    """An undeclared answer of the resolver is `other`, a failing resolver too."""
    answers = iter(["free", "pro", "hacker", None, RuntimeError()])

    def segment(scope):
        word = next(answers)
        if isinstance(word, Exception):
            raise word
        return word

    app = observe(streaming(), segments=("free", "pro"), segment=segment)
    for _ in range(5):
        drive(app)

    counts = {
        s: value(metrics, "sse_streams_opened_total", user_segment=s)
        for s in ("free", "pro", OTHER)
    }
    assert counts == {"free": 1, "pro": 1, OTHER: 3}
    assert value(metrics, "sse_observer_faults_total", where="middleware") == 1
