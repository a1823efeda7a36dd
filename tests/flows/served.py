"""A house's web application behind a real socket: for whoever speaks with it synchronously, such as a host application
with its classes. Requests are answered by the house's own loop, so that the test's clock counts.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import httpx2

from tests.flows.house import House
from tests.waiting import PATIENCE_S


@dataclass
class Served:
    """Where it is served, and whether anybody is there."""

    url: str = ''
    away: bool = False


@contextmanager
def serve(house: House) -> Iterator[Served]:
    """Serve it, within a running loop; whoever asks does so in a thread (`asyncio.to_thread`)."""
    loop, served = asyncio.get_running_loop(), Served()

    class Door(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get('Content-Length') or 0))
            if served.away:
                self.close_connection = True
                return
            headers = {name: value for name, value in self.headers.items() if name.lower() != 'host'}
            asked = house.web.request(self.command, self.path, content=body, headers=headers)
            answer: httpx2.Response = asyncio.run_coroutine_threadsafe(asked, loop).result(PATIENCE_S)
            self.send_response(answer.status_code)
            self.send_header('Content-Type', answer.headers.get('content-type', ''))
            self.send_header('Content-Length', str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        do_GET = do_POST = do_PATCH = do_DELETE = answer

        def log_message(self, format: str, *args: object) -> None:
            """Nothing is said."""

    server = ThreadingHTTPServer(('127.0.0.1', 0), Door)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, kwargs={'poll_interval': 0.05}, daemon=True)
    thread.start()
    served.url = f'http://127.0.0.1:{server.server_address[1]}'
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
