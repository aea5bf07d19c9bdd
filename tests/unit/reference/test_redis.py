"""The package of `RedisStore`: it says which extra it needs."""

import subprocess
import sys


def test_a_missing_extra_is_told_in_one_line() -> None:
    """Where redis-py is not installed, the line says what to install."""
    code = (
        "import sys; sys.modules['redis'] = None\n"
        "from sse_observe.errors import MissingExtraError\n"
        "try:\n"
        "    import sse_observe.reference.redis\n"
        "except MissingExtraError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == (
        "a store in Redis needs the extra [redis]: pip install 'sse-observe[redis]'\n"
    )
