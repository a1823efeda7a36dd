"""`python -m examples.host`: the pages, and beside them one loop that sends the outbox, reads the feed and asks for the
mailing lists.

HOST_DATABASE_URL, HOST_WAY (`http` or `transaction`), HOST_PORT, HOST_SECRET, HOST_ADMIN_KEY; and what CrmFactory
reads: CRM_TYPE, HERMES_URL, PEOPLE_API_KEY. With PEOPLE_CALLBACK_SECRET, Hermes may call at `/hermes`.
"""

import os
import threading
from socketserver import ThreadingMixIn
from typing import cast
from wsgiref.simple_server import WSGIServer, make_server

import psycopg

from examples.host import accounts
from examples.host.accounts import Connection
from examples.host.crm import Crm, Way
from examples.host.host import Host
from hermes.crm import CrmError, CrmFactory

EVERY_S = 5.0
"""So often the feed is read, and what waits in the outbox is tried again, if nobody wakes the loop."""


class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


def connect() -> Connection:
    return psycopg.connect(os.environ['HOST_DATABASE_URL'], connect_timeout=5)


def look_after(crm: Crm, woken: threading.Event) -> None:
    while True:
        try:
            crm.send()
            crm.learn()
            crm.ask_lists()
        except (CrmError, psycopg.Error) as error:
            print(f'later: {error}', flush=True)
        woken.wait(EVERY_S)
        woken.clear()


def main() -> None:
    with connect() as connection:
        accounts.install(connection)
    crm = Crm(CrmFactory(), connect, cast(Way, os.environ.get('HOST_WAY', 'http')))
    woken = threading.Event()
    threading.Thread(target=look_after, args=(crm, woken), daemon=True).start()
    secrets = os.environ.get('PEOPLE_CALLBACK_SECRET', '').split(',')
    host = Host(
        connect, crm, woken.set, os.environ['HOST_SECRET'], os.environ['HOST_ADMIN_KEY'], [x for x in secrets if x]
    )
    port = int(os.environ.get('HOST_PORT', '8080'))
    with make_server('127.0.0.1', port, host, server_class=Server) as server:
        print(f'http://127.0.0.1:{port}/', flush=True)
        server.serve_forever()


if __name__ == '__main__':
    main()
