"""Elapsed time as the terminal shows it."""


def clock(seconds: float) -> str:
    """Return seconds as minutes and seconds, such as `1:05`."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
