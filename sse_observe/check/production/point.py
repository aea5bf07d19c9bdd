"""A point of the checklist, and what was found about it."""

from dataclasses import dataclass
from typing import Literal, TypedDict

State = Literal["done", "failed", "person"]
MARKS: dict[State, str] = {"done": "[x]", "failed": "[ ]", "person": "[?]"}


@dataclass(frozen=True, slots=True)
class Point:
    """
    One point: the words of the checklist, what was seen, and who has to answer.

    `ask` is the question for a person, where no machine can tell.
    """

    text: str
    state: State
    evidence: str
    ask: str = ""

    @property
    def line(self) -> str:
        """The point as one line of Markdown."""
        question = f". Ask: {self.ask}" if self.state == "person" else ""
        return f"- {MARKS[self.state]} **{self.text}**: {self.evidence}{question}"


class PointEntry(TypedDict):
    """A point as plain data."""

    text: str
    state: State
    evidence: str
    ask: str


def done(text: str, evidence: str) -> Point:
    """Tick a point."""
    return Point(text, "done", evidence)


def failed(text: str, evidence: str) -> Point:
    """Fail a point."""
    return Point(text, "failed", evidence)


def person(text: str, evidence: str, ask: str) -> Point:
    """Leave a point to a person, with what to ask."""
    return Point(text, "person", evidence, ask)
