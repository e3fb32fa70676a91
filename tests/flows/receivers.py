"""A mail server and a Mattermost-like server at this machine: they keep what they are sent, or refuse it."""

import json
import socketserver
import threading
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Mailbox:
    """What a mail server took: envelopes and messages. ``refuses``: recipients it does not know."""

    user: str
    password: str
    refuses: frozenset[str] = frozenset()
    port: int = 0
    senders: list[str] = field(default_factory=list)
    receivers: list[list[str]] = field(default_factory=list)
    messages: list[EmailMessage] = field(default_factory=list)


class _MailTalk(socketserver.StreamRequestHandler):
    server: "_MailServer"

    def handle(self) -> None:
        self.signed_in, self.to = False, list[str]()
        self.say("220 sink ESMTP")
        while line := self.rfile.readline().decode().strip():
            word, _, rest = line.partition(" ")
            answer = getattr(self, f"on_{word.lower()}", None)
            self.say(answer(rest) if answer else "502 not known here")
            if word.upper() == "QUIT":
                return

    def say(self, line: str) -> None:
        self.wfile.write(line.encode() + b"\r\n")

    def on_ehlo(self, _: str) -> str:
        return "250-sink\r\n250 AUTH PLAIN"

    def on_auth(self, rest: str) -> str:
        _, user, password = b64decode(rest.split()[1]).decode().split("\0")
        self.signed_in = (user, password) == (self.server.box.user, self.server.box.password)
        return "235 ok" if self.signed_in else "535 wrong user or password"

    def on_mail(self, rest: str) -> str:
        self.sender, self.to = rest.partition("<")[2].partition(">")[0], []
        return "250 ok" if self.signed_in else "530 sign in first"

    def on_rcpt(self, rest: str) -> str:
        known = rest.partition("<")[2].partition(">")[0]
        if known in self.server.box.refuses:
            return "550 no such mailbox"
        self.to.append(known)
        return "250 ok"

    def on_rset(self, _: str) -> str:
        return "250 ok"

    def on_quit(self, _: str) -> str:
        return "221 bye"

    def on_data(self, _: str) -> str:
        self.say("354 go on")
        lines = []
        while (line := self.rfile.readline()) != b".\r\n":
            lines.append(line.removeprefix(b"."))
        message = message_from_bytes(b"".join(lines), policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.server.box.senders.append(self.sender)
        self.server.box.receivers.append(self.to)
        self.server.box.messages.append(message)
        return "250 taken"


class _MailServer(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(self, box: Mailbox) -> None:
        super().__init__(("127.0.0.1", 0), _MailTalk)
        self.box = box
        box.port = self.server_address[1]


@contextmanager
def mail_server(box: Mailbox) -> Iterator[Mailbox]:
    """Run a mail server (RFC 5321, AUTH PLAIN of RFC 4954) that takes mail of ``box.user`` only."""
    with _MailServer(box) as server:
        yield from _served(server, box)


@dataclass
class Rooms:
    """What a Mattermost-like server took: posts by the token of their incoming webhook. Other tokens are refused."""

    token: str
    port: int = 0
    posts: list[dict[str, Any]] = field(default_factory=list)


@contextmanager
def mattermost(rooms: Rooms) -> Iterator[Rooms]:
    """Run a server that takes posts as Mattermost's incoming webhooks do: ``POST /hooks/TOKEN``, ``text`` in JSON."""

    class Talk(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            is_known = self.path == f"/hooks/{rooms.token}" and isinstance(body.get("text"), str)
            if is_known:
                rooms.posts.append(body)
            answer = b"ok" if is_known else b'{"message": "Invalid webhook."}'
            self.send_response(200 if is_known else 400)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Talk) as server:
        rooms.port = server.server_port
        yield from _served(server, rooms)


def _served(server: socketserver.BaseServer, what: Any) -> Iterator[Any]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield what
    finally:
        server.shutdown()
        thread.join()
