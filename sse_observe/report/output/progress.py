"""A bar on the terminal while a source is asked; silence where nobody watches."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn


@contextmanager
def progress_bar() -> Iterator[Callable[[int, int], None]]:
    """Give a function that shows how many of how many queries were answered; gone at the end."""
    console = Console(stderr=True)
    if not console.is_terminal:
        # Older rich writes an empty line for a bar that is off.
        yield lambda _done, _total: None
        return
    columns = (
        TextColumn("Asking Prometheus"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, total: bar.update(task, completed=min(done, total), total=total)
