"""Runs the program `edge` until SIGTERM or SIGINT."""

from __future__ import annotations

import asyncio
import logging
import resource
import signal
import socket

from config.edge.connections import Connection, Edge
from config.edge.hints import receive_hints
from registry.production.event_stream import COMMENT

logger = logging.getLogger(__name__)

_COMMENT_SECONDS = 15.0
_STOP_SECONDS = 2.0
_BACKLOG = 4096
# What the kernel keeps for a client that does not read.
_SEND_BYTES = 65_536
# Descriptors besides those of clients: the database, the broker, the log.
_OTHER_FILES = 64
_SLICE = 500


async def serve(host: str, port: int, *, most: int) -> None:
    """Answer clients on host and port, at most ``most`` at a time, until a stop signal. Raises OSError."""
    loop = asyncio.get_running_loop()
    edge = Edge(_possible(most))
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    server = await loop.create_server(lambda: Connection(edge), sock=_listener(host, port), backlog=_BACKLOG)

    def on_hint(stream: str) -> None:
        loop.call_soon_threadsafe(edge.hub.hint, stream)

    receive_hints(on_hint)
    tasks = [asyncio.create_task(edge.hub.run()), asyncio.create_task(_comment(edge)), asyncio.create_task(stop.wait())]
    logger.info("listening on %s, port %s, for at most %s clients", host, port, edge.most)
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    server.close()
    for task in tasks:
        task.cancel()
    await _send_away(edge)
    edge.hub.close()
    for task in tasks:
        if task.done() and not task.cancelled():
            task.result()  # raises what ended the hub


async def _comment(edge: Edge) -> None:
    """Send a comment on every stream at intervals, so that no proxy closes it."""
    while True:
        await asyncio.sleep(_COMMENT_SECONDS)
        streams = [stream for group in edge.hub.waiting() for stream in group.streams]
        for count, stream in enumerate(streams, 1):
            stream.send(COMMENT, is_last=False)
            if count % _SLICE == 0:
                await asyncio.sleep(0)


async def _send_away(edge: Edge) -> None:
    edge.stop()
    try:
        async with asyncio.timeout(_STOP_SECONDS):
            while edge.connections:
                await asyncio.sleep(0.02)
    except TimeoutError:
        logger.info("%s clients did not take their last answer", len(edge.connections))


def _listener(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listener = socket.socket(family, kind, protocol)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BYTES)  # connections inherit it
    listener.bind(address)
    return listener


def _possible(most: int) -> int:
    """Return how many clients this process can take; raises its limit of open files as far as that is allowed."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    files = hard if hard != resource.RLIM_INFINITY else most * 2
    possible = max(1, min(most, int((files - _OTHER_FILES) / 1.1) - 10))
    if possible < most:
        logger.warning("the limit of open files is %s: at most %s clients", hard, possible)
    return possible
