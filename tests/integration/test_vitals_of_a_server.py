"""How many files a server has open is not how many clients it has."""

import os
import socket
from contextlib import ExitStack

from chaos.vitals import look


def test_connections_that_clients_hold_are_no_files_of_the_server_but_forgotten_ones_are():
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        before = look(os.getpid())
        calls = [socket.create_connection(listener.getsockname()) for _ in range(8)]
        held = [stack.enter_context(listener.accept()[0]) for _ in calls]
        open_ones = look(os.getpid())
        for call in calls:
            call.close()
        assert [connection.recv(1) for connection in held] == [b""] * 8
        forgotten = look(os.getpid())
    # This process is both sides: it has the eight calls itself, then the eight it did not close.
    assert [open_ones.files - before.files, forgotten.files - before.files] == [8, 8]
