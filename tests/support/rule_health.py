"""The health of rules whose evaluator runs hundreds of times faster than in life."""

import time

from sse_observe.lab.programs.prometheus import LoadedRule, PrometheusAPI

# Of Prometheus' own storage, when a value arrives for a moment that has another one.
_TWICE = "duplicate sample for timestamp"
_PATIENCE_SECONDS = 60


def punctual_rules(prometheus: PrometheusAPI) -> list[LoadedRule]:
    """
    Return all rules, as they are while no group of Prometheus is late.

    A late group takes a tick that waited, and the next one within the same interval: it evaluates
    one moment twice (`Group.run`), and its rules are ill until the next evaluation. A rule that
    truly writes one series twice is ill at every evaluation, and comes back as such.
    """
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        rules = prometheus.rules()
        late = any(_TWICE in rule.last_error for rule in rules)
        if not late or time.monotonic() > deadline:
            return rules
        time.sleep(0.1)
