"""The demo's first web page: a stream to watch, and links to everything else."""

import json
from collections.abc import Mapping
from html import escape

from sse_observe.lab.bundle_pages import board_path
from sse_observe.lab.web_pages import web_page

# Stop the demo and start it again on the same port to see every status come and go.
_STREAM = """
<p>A stream like those of the synthetic users: <strong id="status"></strong></p>
<p id="answer" style="min-height: 6em"></p>
<script type="module">
  import { ResilientEventSource } from "/sse/sse-observe.js";
  const answer = document.getElementById("answer");
  const status = document.getElementById("status");
  const read = () => {
    answer.textContent = "";
    const source = new ResilientEventSource("/api/v1/stream");
    source.bindStatus(status);
    source.onmessage = ({ data }) => {
      const { choices, error } = JSON.parse(data);
      answer.append(error ? `[${error.message}]` : choices[0].delta.content ?? "");
    };
    source.addEventListener("sse.gap", () => answer.append("[…] "));
    source.addEventListener("sse.status", ({ status }) => {
      if (status === "complete" || status === "failed") setTimeout(read, 3000);
    });
  };
  read();
</script>
"""


def home_page(files: Mapping[str, str]) -> str:
    """Return the page; `files` are those of the bundle whose pages are served beside it."""
    boards = [json.loads(text) for name, text in files.items() if name.startswith("dashboards/")]
    links = {
        "/metrics": "Metrics of the service",
        "/runbooks/README.md": "Runbooks",
        **{board_path(board): board["title"] for board in boards},
    }
    items = "".join(f'<li><a href="{path}">{escape(text)}</a></li>' for path, text in links.items())
    return web_page("sse-observe demo", f"<h1>sse-observe demo</h1>{_STREAM}<ul>{items}</ul>")
