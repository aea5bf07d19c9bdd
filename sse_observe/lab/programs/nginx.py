"""A real nginx on loopback before one service: configured for streams, and with its defaults."""

import socket
from contextlib import suppress
from pathlib import Path

from sse_observe.lab.programs.process import Program, find, free_port

_CONFIG = """\
daemon off;
worker_processes 1;
pid {home}/nginx.pid;
error_log stderr crit;
events {{ worker_connections 512; }}
http {{
  access_log off;
  client_body_temp_path {home}/body;
  proxy_temp_path {home}/proxy;
  fastcgi_temp_path {home}/fastcgi;
  uwsgi_temp_path {home}/uwsgi;
  scgi_temp_path {home}/scgi;
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://127.0.0.1:{upstream};
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
      proxy_read_timeout {read_timeout};
    }}
  }}
  server {{
    listen 127.0.0.1:{behind};
    location / {{ proxy_pass http://127.0.0.1:{port}; }}
  }}
}}
"""


class Nginx(Program):
    """
    Passes everything to the port `upstream`, and cuts an answer that is silent for `read_timeout`.

    At the port `buffering` a second server with nginx's defaults asks the first. Two in a row
    hold an answer back until a memory page is full: the inner one consumes
    `X-Accel-Buffering: no`, and the outer one asks over HTTP/1.0, where nothing marks where an
    event ends.
    """

    def __init__(self, directory: Path, *, upstream: int, read_timeout: str = "60s") -> None:
        self.port, self.buffering = free_port(), free_port()
        directory.mkdir(parents=True, exist_ok=True)
        config = directory / "nginx.conf"
        config.write_text(
            _CONFIG.format(
                home=directory,
                port=self.port,
                behind=self.buffering,
                upstream=upstream,
                read_timeout=read_timeout,
            )
        )
        super().__init__(
            [
                find("nginx", "nginx"),
                # Else it writes to the log that it was built with, before it reads ours.
                *("-e", "stderr", "-c", str(config), "-p", str(directory)),
            ],
            log=directory / "nginx.log",
            ready=self._accepts,
        )

    def _accepts(self) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False
