"""Colours that mean something: told apart by every eye, on both of Grafana's themes."""

import itertools

import pytest

from sse_observe.render.palette import HUES, NAME_HUES

# Machado, Oliveira and Fernandes 2009, severity 1.
SIGHTS = {
    "normal": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protan": ((0.1523, 1.0526, -0.2049), (0.1145, 0.7863, 0.0992), (-0.0039, -0.0481, 1.0520)),
    "deutan": ((0.3673, 0.8607, -0.2280), (0.2801, 0.6725, 0.0474), (-0.0118, 0.0429, 0.9689)),
    "tritan": ((1.2555, -0.0767, -0.1788), (-0.0784, 0.9308, 0.1476), (0.0047, 0.6914, 0.3039)),
}


MEANINGS = ("good", "client", "calm", "warn", "bad")


def linear(colour: str) -> tuple[float, ...]:
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return tuple(p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)


def times(matrix: tuple[tuple[float, ...], ...], vector: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(sum(a * b for a, b in zip(row, vector, strict=True)) for row in matrix)


def oklab(colour: str, sight: str) -> tuple[float, ...]:
    """Return how a colour looks to an eye, in a space where distances are alike."""
    seen = tuple(min(1.0, max(0.0, part)) for part in times(SIGHTS[sight], linear(colour)))
    cones = times(
        ((0.41222, 0.53633, 0.05145), (0.21190, 0.68070, 0.10740), (0.08830, 0.28172, 0.62998)),
        seen,
    )
    roots = tuple(cone ** (1 / 3) for cone in cones)
    return times(
        ((0.21045, 0.79362, -0.00407), (1.97800, -2.42859, 0.45059), (0.02590, 0.78277, -0.80868)),
        roots,
    )


def contrast(colour: str, background: str) -> float:
    weights = ((0.2126, 0.7152, 0.0722),)
    light, dark = sorted((times(weights, linear(c))[0] for c in (colour, background)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("sight", [*SIGHTS])
@pytest.mark.parametrize(("one", "other"), [*itertools.combinations(MEANINGS, 2)])
def test_meanings_stay_apart_for_every_eye(one: str, other: str, sight: str) -> None:
    """Completed and error, client and shutdown: told apart with any colour blindness."""
    first, second = oklab(HUES[one], sight), oklab(HUES[other], sight)

    distance = sum((a - b) ** 2 for a, b in zip(first, second, strict=True)) ** 0.5

    # 0.02 is a just noticeable difference in OKLab; lines are thin and far apart.
    assert distance >= 0.11


@pytest.mark.parametrize("theme", ["#FFFFFF", "#181B1F"])
@pytest.mark.parametrize("colour", [*(HUES[name] for name in MEANINGS), *NAME_HUES])
def test_lines_stand_out_on_both_themes(colour: str, theme: str) -> None:
    """WCAG asks 3:1 of what is drawn; Grafana's panels are white or nearly black."""
    assert contrast(colour, theme) >= 2.95
