"""The loopback Hub with users, gated repositories and faults on demand (beside local_hub.py).

    with FaultHub() as hub:
        hub.gated.add("tester/gated")
        hub.faults = [Fault(r"GET /api/models/", "status", status=503, times=1)]

Tokens: hf_local (tester, may write), hf_read (tester, read only), hf_other (other, may write); every other token is a 401.
A fault is taken by the first request whose "METHOD path" matches, after `skip` such requests, `times` times (None: always). What it does:
  status   answers with `status`, `headers`, and `body` as HTML where given (a captive portal: status=200, body="<html>")
  hang     takes the request and answers nothing for `seconds`, then closes      sleep  answers after `seconds`
  drop     closes at once                                                         cut    closes after `count` bytes of the body
  slow     sends the body in pieces of `count` bytes with `seconds` between       corrupt  flips 64 bytes in the middle of the body
"""

import contextlib
import io
import json
import re
import socket
import threading
import time
from dataclasses import dataclass, field

import local_hub
from local_hub import Handler, HubError, LocalHub

USERS = {"hf_local": ("tester", "write"), "hf_read": ("tester", "read"), "hf_other": ("other", "write")}


@dataclass
class Fault:
    match: str
    do: str
    status: int = 500
    headers: dict = field(default_factory=dict)
    body: str | None = None
    seconds: float = 0.0
    count: int = 1000
    skip: int = 0
    times: int | None = None
    seen: int = 0


class FaultHandler(Handler):
    def who(self):
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        if token and token not in USERS:
            raise HubError(401, "Invalid credentials in Authorization header")
        return USERS.get(token)

    def need_write(self, owner):
        user, role = self.who() or (None, None)
        if user is None:
            raise HubError(401, "Invalid username or password.")
        if role != "write":
            raise HubError(403, "Forbidden: you must use a write token to write to this repository.")
        if owner != user:
            raise HubError(403, f"You don't have the rights under the namespace {owner!r}")

    def repo(self, kind, rid):
        repo, who = self.hub.store.repos.get(f"{(kind or 'models/').strip('/')}/{rid}"), self.who()
        if repo is None or (repo["private"] and (who is None or who[0] != rid.split("/")[0])):
            raise HubError(404 if who else 401, "Repository not found", "RepoNotFound")
        return repo

    def whoami(self, _):
        if self.who() is None:
            raise HubError(401, "Invalid username or password.")
        user, role = self.who()
        self.reply(
            {
                "type": "user",
                "name": user,
                "fullname": user,
                "orgs": [],
                "auth": {"type": "access_token", "accessToken": {"role": role}},
            }
        )

    def create(self, data):
        wanted = json.loads(data)
        owner = wanted.get("organization") or (self.who() or ("",))[0]
        if f"{wanted.get('type') or 'model'}s/{owner}/{wanted['name']}" not in self.hub.store.repos or not self.who():
            self.need_write(owner)
        super().create(data)

    def resolve(self, data, kind, rid, rev, path):
        who = self.who()
        if rid in self.hub.gated and (who is None or who[0] != rid.split("/")[0]):
            raise HubError(403 if who else 401, f"Access to model {rid} is restricted", "GatedRepo")
        return super().resolve(data, kind, rid, rev, path)

    def preupload(self, data, kind, rid, rev):
        self.need_write(rid.split("/")[0])
        return super().preupload(data, kind, rid, rev)

    def do_commit(self, data, kind, rid, rev):
        self.need_write(rid.split("/")[0])
        return super().do_commit(data, kind, rid, rev)

    def fault(self):
        with self.hub.lock:
            for fault in self.hub.faults:
                if re.search(fault.match, f"{self.command} {self.path}"):
                    fault.seen += 1
                    if fault.seen > fault.skip and (fault.times is None or fault.seen <= fault.skip + fault.times):
                        return fault
        return None

    def close(self):
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def handle_any(self):
        fault = self.fault()
        self.hub.requests.append((self.command, self.path, fault.do if fault else None))
        if fault is None or fault.do == "sleep":
            time.sleep(fault.seconds if fault else 0)
            return Handler.handle_any(self)
        if fault.do == "drop":
            return self.close()
        if fault.do in ("status", "hang"):
            self.body()
            if fault.do == "hang":
                time.sleep(fault.seconds)
                return self.close()
            message = f"injected {fault.status}"
            raw = fault.body.encode() if fault.body is not None else json.dumps({"error": message}).encode()
            kind = {"Content-Type": "text/html"} if fault.body is not None else {"X-Error-Message": message}
            return self.reply(status=fault.status, headers={**kind, **fault.headers}, raw=raw)
        real, self.wfile = self.wfile, io.BytesIO()
        try:
            Handler.handle_any(self)
        finally:
            answer, self.wfile = self.wfile.getvalue(), real
        head, _, body = answer.partition(b"\r\n\r\n")
        try:
            real.write(head + b"\r\n\r\n")
            if fault.do == "corrupt" and len(body) > 64:
                middle = len(body) // 2
                body = body[:middle] + bytes(b ^ 0xFF for b in body[middle : middle + 64]) + body[middle + 64 :]
            if fault.do == "cut":
                real.write(body[: fault.count])
                real.flush()
                return self.close()
            step = fault.count if fault.do == "slow" else max(1, len(body))
            for i in range(0, len(body), step):
                real.write(body[i : i + step])
                real.flush()
                time.sleep(fault.seconds if fault.do == "slow" else 0)
        except OSError:
            self.close()

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = handle_any


class FaultHub(LocalHub):
    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.faults, self.gated, self.requests, self.lock = [], set(), [], threading.Lock()
        self.server.RequestHandlerClass = type("H", (FaultHandler,), {"hub": self})


local_hub.ROUTES[:] = [
    (m, p, (lambda name: lambda self, *a: getattr(self, name)(*a))(f.__name__)) for m, p, f in local_hub.ROUTES
]
