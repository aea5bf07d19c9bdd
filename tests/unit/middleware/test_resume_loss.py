"""Loss and duplicates across a resume, inferred from dense ids."""

import pytest

from sse_observe import SSEObserveMiddleware, StreamRoute, current_stream
from tests.support.asgi import END, body, drive, http_scope, start, value

ROUTE = {"/chat/{id}": StreamRoute(heartbeat_seconds=10, dense_ids=True)}


def saying(say, *bodies):
    """Return an application that says something about its stream before it starts."""

    async def app(scope, receive, send):
        say(current_stream())
        await send(start())
        for data in bodies:
            await send(body(data))
        await send(END)

    return app


def run(metrics, app, cursor=None):
    """Serve one request on the declared route."""
    headers = {"last_event_id": cursor} if cursor else {}
    observed = SSEObserveMiddleware(app, metrics=metrics, routes=ROUTE)
    return drive(observed, http_scope("/chat/7", headers=headers))


def ids(*seqs, epoch="ab"):
    """Return one body per id."""
    return [f"id: {seq}-{epoch}\ndata: x\n\n".encode() for seq in seqs]


def plain(*bodies):
    """Return an application that says nothing."""
    return saying(lambda stream: None, *bodies)


@pytest.mark.parametrize(
    ("first", "cursor", "second", "lost", "duplicated"),
    [
        (ids(0, 1, 2), "1-ab", ids(2, 3), 0, 0),
        (ids(0, 1, 2, 3, 4), "1-ab", ids(4, 5), 2, 0),
        (ids(0, 1, 2), "2-ab", ids(1, 2, 3), 0, 2),
        (ids(0, 1, 2, 3), "3-ab", ids(2, 6), 2, 1),
        (ids(0, 1, 2), "0-ab", ids(0, epoch="cd"), 2, 0),
        (ids(0, 1, 2), "2-ab", ids(0, epoch="cd"), 0, 0),
        (ids(0, 1, 2), "9-ab", ids(0, 1, 2), 0, 0),
        (ids(0, 1, 2), "999999999999999999999-ab", ids(0), 0, 0),
        (ids(0, 1, 2), "nonsense", ids(0, 1, 2), 0, 0),
        ([], "4-zz", ids(7, epoch="zz"), 2, 0),
        ([], "4-zz", ids(0, 1, epoch="zz"), 0, 0),
        (ids(0, 1, 2), "0-ab", [b"data: x\n\n"], 0, 0),
    ],
)
def test_loss_and_duplicates_are_inferred_from_dense_ids(  # noqa: PLR0917
    metrics, first, cursor, second, lost, duplicated
):
    """Between the cursor and the first id lies what was lost; at or before it, what came twice."""
    run(metrics, plain(*first))
    run(metrics, plain(*second), cursor)

    assert value(metrics, "sse_message_loss_total", seen_by="server") == lost
    assert value(metrics, "sse_duplicate_events_total", seen_by="server") == duplicated
    assert value(metrics, "sse_observer_faults_total") == 0


def test_one_gap_is_lost_once_however_often_it_is_asked_for(metrics):
    """A stranger who repeats an old cursor cannot drive the loss up."""
    run(metrics, plain(*ids(*range(10))))
    for _ in range(5):
        run(metrics, plain(*ids(8, 9)), "2-ab")

    assert value(metrics, "sse_message_loss_total") == 5


def test_inference_is_silent_where_the_application_speaks(metrics):
    """An application that judges a resume is not corrected; a number alone is only a number."""

    def judge(stream):
        stream.resume("gap")
        stream.lost(5)

    run(metrics, plain(*ids(*range(10))))
    run(metrics, saying(judge, *ids(8, 9)), "2-ab")

    assert value(metrics, "sse_message_loss_total") == 5

    run(metrics, saying(lambda stream: stream.lost(5), *ids(8, 9)), "2-ab")

    assert value(metrics, "sse_message_loss_total") == 5 + 5 + 5


def test_plain_numbers_are_told_once_that_nothing_is_inferred(metrics, caplog):
    """A number alone does not say of which stream: silence would look like no loss."""
    numbers = [b"id: %d\ndata: x\n\n" % n for n in range(3)]
    for cursor in (None, "1", "1"):
        run(metrics, plain(*numbers), cursor)

    [line] = [record.getMessage() for record in caplog.records]
    assert line.startswith("/chat/{id}: declares dense_ids, but its ids are not of the form <seq>-")
    assert value(metrics, "sse_message_loss_total") == 0
    caplog.clear()
    run(metrics, plain(*ids(0, 1)))
    assert not caplog.records
