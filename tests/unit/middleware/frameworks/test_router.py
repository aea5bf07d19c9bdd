"""The way through what wraps an application, or hands requests to it."""

from functools import partial
from types import SimpleNamespace

from sse_observe.middleware.frameworks.router import layers_of


class App:
    """An application, or what stands before one."""

    def __init__(self, **held):
        self.__dict__ |= held

    def __call__(self):
        """Serve."""

    def asgi(self):
        """Serve, by a method."""


INNERMOST = App()


def test_each_layer_is_passed_once():
    """By the attribute of most middlewares, of Channels', a partial, a method's own object."""
    app = App()
    channels = App(application_mapping={"http": partial(app.asgi), "websocket": None})
    middle = App(inner=channels)
    outer = App(app=middle)

    found = list(layers_of(outer))

    assert found[:3] == [outer, middle, channels]
    assert found[-1] is app


def test_a_function_is_seen_through():
    """Where paths are shared out by hand, all that the function names may serve them."""
    first = App()

    async def dispatch(scope, receive, send):
        await (first if scope["path"] == "/" else INNERMOST)(scope, receive, send)

    found = list(layers_of(App(app=dispatch)))

    assert first in found
    assert INNERMOST in found


def test_a_circle_ends():
    """Whoever holds himself is looked at once, and a chain without end not for ever."""
    circle = App()
    circle.app = App(app=circle)

    class Endless(App):
        @property
        def app(self):
            return Endless()

    assert len(list(layers_of(circle))) == 2
    assert len(list(layers_of(Endless()))) <= 200


def test_an_object_that_fails_when_it_is_looked_at_is_passed_by():
    """Settings that are not there yet raise what they like."""

    class Failing(App):
        def __getattr__(self, name):
            raise RuntimeError(name)

    failing = Failing()

    assert list(layers_of(App(app=failing, inner=INNERMOST)))[1:] == [failing, INNERMOST]


def test_what_cannot_serve_is_no_layer():
    """Numbers, modules and classes are not applications."""
    assert len(list(layers_of(App(app=7, inner=SimpleNamespace(), func=int)))) == 1
