"""One line for each value of a label, one column for each query: Grafana's `table`."""

from collections.abc import Sequence

from sse_observe.catalog.model import Panel
from sse_observe.render.grafana.fields import JSON, field_config, override, thresholds
from sse_observe.render.grafana.vocabulary import UNITS, ref_id
from sse_observe.render.limits import Limit, judged

# A cell without a value is neither good nor bad.
_NOTHING = {
    "type": "special",
    "options": {"match": "null", "result": {"text": "–", "color": "text", "index": 0}},
}


def table(panel: Panel, limits: Sequence[Limit]) -> JSON:
    """Return `type`, `fieldConfig`, `options` and `transformations` of a table."""
    values = {f"Value #{ref_id(i)}": query.legend for i, query in enumerate(panel.queries)}
    titles = {**panel.columns, **values}
    labels = [
        override("byName", title, **{"custom.width": 200}) for title in panel.columns.values()
    ]
    custom = {
        "align": "auto",
        "cellOptions": {"type": "auto"},
        "filterable": False,
        "inspect": False,
    }
    return {
        "type": "table",
        "fieldConfig": field_config(
            panel, custom=custom, overrides=[*labels, *_columns(panel, limits)]
        ),
        "options": {
            "cellHeight": "sm",
            "showHeader": True,
            "sortBy": [{"displayName": panel.queries[0].legend, "desc": False}],
        },
        "transformations": [
            {"id": "merge", "options": {}},
            {
                "id": "organize",
                "options": {
                    "excludeByName": {"Time": True},
                    "includeByName": {},
                    "indexByName": {name: place for place, name in enumerate(titles)},
                    "renameByName": titles,
                },
            },
        ],
    }


def _columns(panel: Panel, limits: Sequence[Limit]) -> list[JSON]:
    columns = []
    for index, query in enumerate(panel.queries):
        look: JSON = {"unit": UNITS[query.unit or panel.unit], "custom.minWidth": 76}
        if query.decimals is not None:
            look["decimals"] = query.decimals
        own = [limit for limit in limits if limit.query == index]
        if own or query.legend in panel.colours:
            look["thresholds"] = thresholds(judged(panel, own, "plain", query.legend))
            look["custom.cellOptions"] = {"type": "color-text"}
            look["mappings"] = [_NOTHING]
        columns.append(override("byName", query.legend, **look))
    return columns
