"""A loopback stand-in for the Hugging Face Hub, standard library only (tests, offline demos).

    with LocalHub() as hub:            # or: python local_hub.py --port 8123 --root hubroot
        api = HfApi(endpoint=hub.url, token="hf_local")

Speaks the part of the Hub's HTTP API that huggingface_hub 1.x/2.x uses for create_repo, delete_repo,
upload_file/upload_folder/create_commit (preupload + git-LFS basic transfer + ndjson commit), repo_info,
list_repo_tree, get_paths_info, refs, commits, hf_hub_download, snapshot_download, whoami, validate-yaml.
Xet is not spoken: start clients with HF_HUB_DISABLE_XET=1, or the hub with large_files="regular".
"""

from __future__ import annotations

import argparse
import base64
import fnmatch
import hashlib
import json
import re
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

LFS_GLOBS = ["*.safetensors", "*.bin", "*.pt", "*.pth", "*.pkl", "*.npz", "*.ckpt", "*.gif", "*.mp4", "*.zip", "*.tfevents*"]
LFS_SIZE = 10 * 2**20  # the Hub sends files of 10 MB and more, and binary-looking globs, to large storage


def git_oid(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())


class Store:
    """Blobs by sha256 on disk; repos, refs and commits (path -> entry) in one JSON file."""

    def __init__(self, root: Path):
        self.root, self.lock = root, threading.RLock()
        (root / "blobs").mkdir(parents=True, exist_ok=True)
        self.index = root / "index.json"
        self.repos: dict = json.loads(self.index.read_text()) if self.index.exists() else {}

    def save(self):
        tmp = self.index.with_suffix(".tmp")
        tmp.write_text(json.dumps(self.repos))
        tmp.replace(self.index)

    def put_blob(self, data: bytes) -> str:
        sha = hashlib.sha256(data).hexdigest()
        (self.root / "blobs" / sha).write_bytes(data)
        return sha

    def blob(self, sha: str) -> Path:
        return self.root / "blobs" / sha

    def commit(self, repo: dict, rev: str, files: dict, title: str) -> str:
        parent = repo["refs"].get(rev)
        oid = hashlib.sha1(json.dumps([parent, files, title, time.time_ns()]).encode()).hexdigest()
        repo["commits"][oid] = {"files": files, "title": title, "date": now(), "parent": parent}
        repo["refs"][rev] = oid
        self.save()
        return oid


class HubError(Exception):
    def __init__(self, status: int, message: str, code: str = ""):
        self.status, self.message, self.code = status, message, code


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: LocalHub

    def log_message(self, fmt, *args):
        self.hub.log.append(f"{self.command} {self.path} {args[1] if len(args) > 1 else ''}")

    # ---- plumbing
    def body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            out = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                out += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return out
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def reply(self, obj=None, status=200, headers=None, raw: bytes | None = None):
        data = raw if raw is not None else json.dumps(obj).encode()
        self.send_response(status)
        headers = {"Content-Type": "application/json", "Content-Length": str(len(data)), **(headers or {})}
        for k, v in headers.items():
            self.send_header(k, v)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def handle_any(self):
        data = self.body()
        url = urlsplit(self.path)
        self.query, path = parse_qs(url.query), url.path
        try:
            with self.hub.store.lock:
                for method, pattern, fn in ROUTES:
                    m = re.fullmatch(pattern, path)
                    if m and self.command in method.split("|"):
                        return fn(self, data, *(unquote(g) if g else g for g in m.groups()))
            raise HubError(404, f"no such route: {self.command} {path}")
        except HubError as e:
            self.reply(
                {"error": e.message}, e.status, {"X-Error-Message": e.message, **({"X-Error-Code": e.code} if e.code else {})}
            )
        except (BrokenPipeError, ConnectionResetError):
            pass

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = handle_any

    def repo(self, kind: str, rid: str) -> dict:
        kind = (kind or "models/").strip("/")
        repo = self.hub.store.repos.get(f"{kind}/{rid}")
        if repo is None or (repo["private"] and not self.headers.get("Authorization")):
            raise HubError(404 if self.headers.get("Authorization") else 401, "Repository not found", "RepoNotFound")
        return repo

    def at(self, repo: dict, rev: str | None) -> tuple[str, dict]:
        oid = repo["refs"].get(rev or "main", rev)
        if oid not in repo["commits"]:
            raise HubError(404, f"Invalid rev id: {rev}", "RevisionNotFound")
        return oid, repo["commits"][oid]

    def auth(self):
        if not self.headers.get("Authorization"):
            raise HubError(401, "Invalid username or password.")

    # ---- API
    def whoami(self, _):
        self.auth()
        self.reply(
            {
                "type": "user",
                "name": self.hub.user,
                "fullname": self.hub.user,
                "orgs": [],
                "auth": {"type": "access_token", "accessToken": {"role": "write"}},
            }
        )

    def create(self, data):
        self.auth()
        p = json.loads(data)
        kind, rid = (p.get("type") or "model") + "s", f"{p.get('organization') or self.hub.user}/{p['name']}"
        url = f"{self.hub.url}/{'' if kind == 'models' else kind + '/'}{rid}"
        if f"{kind}/{rid}" in self.hub.store.repos:
            return self.reply({"error": "You already created this repo", "url": url}, 409)
        repo = {
            "id": rid,
            "kind": kind,
            "private": p.get("private") or p.get("visibility") == "private",
            "created": now(),
            "refs": {},
            "commits": {},
        }
        self.hub.store.repos[f"{kind}/{rid}"] = repo
        attrs = "".join(f"{g} filter=lfs diff=lfs merge=lfs -text\n" for g in LFS_GLOBS).encode()
        self.hub.store.commit(
            repo,
            "main",
            {
                ".gitattributes": {
                    "sha": self.hub.store.put_blob(attrs),
                    "size": len(attrs),
                    "oid": git_oid(attrs),
                    "lfs": False,
                }
            },
            "initial commit",
        )
        self.reply({"url": url, "name": rid, "id": rid})

    def delete(self, data):
        self.auth()
        p = json.loads(data)
        self.repo((p.get("type") or "model") + "s", rid := f"{p.get('organization') or self.hub.user}/{p['name']}")
        del self.hub.store.repos[f"{(p.get('type') or 'model')}s/{rid}"]
        self.hub.store.save()
        self.reply({})

    def info(self, _, kind, rid, rev):
        repo = self.repo(kind, rid)
        oid, c = self.at(repo, rev)
        card = {}
        self.reply(
            {
                "_id": oid[:24],
                "id": rid,
                "modelId": rid,
                "author": rid.split("/")[0],
                "sha": oid,
                "private": repo["private"],
                "gated": False,
                "disabled": False,
                "createdAt": repo["created"],
                "lastModified": c["date"],
                "downloads": 0,
                "likes": 0,
                "tags": [],
                "cardData": card,
                "siblings": [
                    {
                        "rfilename": p,
                        "size": e["size"],
                        "blobId": e["oid"],
                        **({"lfs": {"sha256": e["sha"], "size": e["size"], "pointerSize": 134}} if e["lfs"] else {}),
                    }
                    for p, e in sorted(c["files"].items())
                ],
            }
        )

    @staticmethod
    def entry(path, e):
        return {
            "type": "file",
            "path": path,
            "size": e["size"],
            "oid": e["oid"],
            **({"lfs": {"oid": e["sha"], "size": e["size"], "pointerSize": 134}} if e["lfs"] else {}),
        }

    def tree(self, _, kind, rid, rev, sub):
        _, c = self.at(self.repo(kind, rid), rev)
        prefix, out, seen = (sub.strip("/") + "/") if sub else "", [], set()
        deep = self.query.get("recursive", ["false"])[0].lower() in ("true", "1")
        for path, e in sorted(c["files"].items()):
            if not path.startswith(prefix):
                continue
            parts = path[len(prefix) :].split("/")
            for i in range(1, len(parts) if deep else min(2, len(parts))):
                d = prefix + "/".join(parts[:i])
                if d not in seen:
                    seen.add(d)
                    out.append({"type": "directory", "path": d, "oid": hashlib.sha1(d.encode()).hexdigest(), "size": 0})
            if deep or len(parts) == 1:
                out.append(self.entry(path, e))
        if sub and not out:
            raise HubError(404, f"{sub} does not exist on {rev}", "EntryNotFound")
        self.reply(out)

    def paths_info(self, data, kind, rid, rev):
        _, c = self.at(self.repo(kind, rid), rev)
        try:
            paths = json.loads(data)["paths"]
        except ValueError:
            paths = parse_qs(data.decode()).get("paths", [])
        found = [self.entry(p, c["files"][p]) for p in paths if p in c["files"]]
        for entry in found:
            if entry["path"] in self.hub.scans:
                status = {"status": self.hub.scans[entry["path"]], "avScan": None, "pickleImportScan": None}
                entry["securityFileStatus"] = status
        self.reply(found)

    def refs(self, _, kind, rid):
        self.reply(
            {
                "branches": [
                    {"name": n, "ref": f"refs/heads/{n}", "targetCommit": o} for n, o in self.repo(kind, rid)["refs"].items()
                ],
                "converts": [],
                "tags": [],
            }
        )

    def commits(self, _, kind, rid, rev):
        repo = self.repo(kind, rid)
        oid, out = self.at(repo, rev)[0], []
        while oid:
            c = repo["commits"][oid]
            out.append({"id": oid, "title": c["title"], "message": "", "date": c["date"], "authors": [{"user": self.hub.user}]})
            oid = c["parent"]
        self.reply(out)

    # ---- upload
    def preupload(self, data, kind, rid, rev):
        self.auth()
        _, c = self.at(self.repo(kind, rid), rev)
        out = []
        for f in json.loads(data)["files"]:
            lfs = self.hub.large_files == "lfs" and (
                f["size"] >= LFS_SIZE or any(fnmatch.fnmatch(f["path"].rsplit("/", 1)[-1], g) for g in LFS_GLOBS)
            )
            e = c["files"].get(f["path"])
            out.append(
                {
                    "path": f["path"],
                    "uploadMode": "lfs" if lfs else "regular",
                    "shouldIgnore": False,
                    "oid": (e["sha"] if e["lfs"] else e["oid"]) if e else None,
                }
            )
        self.reply({"files": out})

    def lfs_batch(self, data, kind, rid):
        self.auth()
        self.repo(kind, rid)
        objs = []
        for o in json.loads(data)["objects"]:
            have = self.hub.store.blob(o["oid"]).exists()
            objs.append(
                {
                    "oid": o["oid"],
                    "size": o["size"],
                    **(
                        {}
                        if have
                        else {
                            "actions": {
                                "upload": {"href": f"{self.hub.url}/_lfs/{o['oid']}"},
                                "verify": {"href": f"{self.hub.url}/_lfs/{o['oid']}/verify"},
                            }
                        }
                    ),
                }
            )
        self.reply({"transfer": "basic", "objects": objs}, headers={"Content-Type": "application/vnd.git-lfs+json"})

    def lfs_put(self, data, oid):
        if hashlib.sha256(data).hexdigest() != oid:
            raise HubError(400, "sha256 mismatch")
        self.hub.store.put_blob(data)
        self.reply({})

    def lfs_verify(self, data, oid):
        p = self.hub.store.blob(oid)
        if not p.exists() or p.stat().st_size != json.loads(data)["size"]:
            raise HubError(404, "object missing")
        self.reply({})

    def do_commit(self, data, kind, rid, rev):
        self.auth()
        store, repo = self.hub.store, self.repo(kind, rid)
        head, c = self.at(repo, rev)
        files, title = dict(c["files"]), ""
        for line in data.splitlines():
            op = json.loads(line)
            v = op["value"]
            if op["key"] == "header":
                title = v["summary"]
                if v.get("parentCommit") not in (None, head):
                    raise HubError(412, "A commit has happened since. Please refresh and try again.")
            elif op["key"] == "file":
                blob = base64.b64decode(v["content"])
                files[v["path"]] = {"sha": store.put_blob(blob), "size": len(blob), "oid": git_oid(blob), "lfs": False}
            elif op["key"] == "lfsFile":
                blob = store.blob(v["oid"])
                if not blob.exists():
                    raise HubError(400, f"LFS object {v['oid']} was never uploaded")
                ptr = (
                    f"version https://git-lfs.github.com/spec/v1\noid sha256:{v['oid']}\nsize {blob.stat().st_size}\n".encode()
                )
                files[v["path"]] = {"sha": v["oid"], "size": blob.stat().st_size, "oid": git_oid(ptr), "lfs": True}
            elif op["key"] == "deletedFile":
                files.pop(v["path"], None)
            elif op["key"] == "deletedFolder":
                files = {p: e for p, e in files.items() if not p.startswith(v["path"].rstrip("/") + "/")}
        oid = store.commit(repo, rev, files, title)
        self.reply(
            {
                "success": True,
                "commitOid": oid,
                "commitUrl": f"{self.hub.url}/{'' if kind == 'models/' else kind}{rid}/commit/{oid}",
                "pullRequestUrl": None,
            }
        )

    # ---- download
    def resolve(self, _, kind, rid, rev, path):
        oid, c = self.at(self.repo(kind, rid), rev)
        e = c["files"].get(path)
        if e is None:
            raise HubError(404, "Entry not found", "EntryNotFound")
        headers = {
            "X-Repo-Commit": oid,
            "ETag": f'"{e["sha"] if e["lfs"] else e["oid"]}"',
            "Accept-Ranges": "bytes",
            "Content-Type": "application/octet-stream",
        }
        data, status = self.hub.store.blob(e["sha"]).read_bytes(), 200
        if e["lfs"]:
            headers |= {"X-Linked-Etag": f'"{e["sha"]}"', "X-Linked-Size": str(e["size"])}
        if m := re.match(r"bytes=(\d+)-(\d*)$", self.headers.get("Range", "")):
            start, end = int(m[1]), int(m[2] or len(data) - 1)
            headers["Content-Range"], status, data = f"bytes {start}-{end}/{len(data)}", 206, data[start : end + 1]
        if self.command == "GET":
            self.hub.served.append((path, len(data)))
        self.reply(status=status, headers=headers, raw=data)

    def validate_yaml(self, _):
        self.reply({"errors": [], "warnings": []})

    def branch(self, data, kind, rid, name):
        self.auth()
        repo = self.repo(kind, rid)
        start = (json.loads(data) if data else {}).get("startingPoint")
        if name in repo["refs"]:
            return self.reply({"error": f"Reference already exists: {name}"}, 409)
        repo["refs"][name] = self.at(repo, start)[0]
        self.hub.store.save()
        self.reply({})


KIND, RID = r"(models/|datasets/|spaces/)", r"([^/]+/[^/]+?)"
ROUTES = [
    ("GET", r"/api/whoami-v2", Handler.whoami),
    ("POST", r"/api/repos/create", Handler.create),
    ("DELETE", r"/api/repos/delete", Handler.delete),
    ("POST", r"/api/validate-yaml", Handler.validate_yaml),
    ("GET", rf"/api/{KIND}{RID}(?:/revision/(.+))?", Handler.info),
    ("GET", rf"/api/{KIND}{RID}/tree/([^/]+)(/.*)?", Handler.tree),
    ("POST", rf"/api/{KIND}{RID}/paths-info/([^/]+)", Handler.paths_info),
    ("GET", rf"/api/{KIND}{RID}/refs", Handler.refs),
    ("GET", rf"/api/{KIND}{RID}/commits/([^/]+)", Handler.commits),
    ("POST", rf"/api/{KIND}{RID}/branch/([^/]+)", Handler.branch),
    ("POST", rf"/api/{KIND}{RID}/preupload/([^/]+)", Handler.preupload),
    ("POST", rf"/api/{KIND}{RID}/commit/([^/]+)", Handler.do_commit),
    ("POST", rf"/(datasets/|spaces/)?{RID}\.git/info/lfs/objects/batch", Handler.lfs_batch),
    ("PUT", r"/_lfs/([0-9a-f]{64})", Handler.lfs_put),
    ("POST", r"/_lfs/([0-9a-f]{64})/verify", Handler.lfs_verify),
    ("GET|HEAD", rf"/(datasets/|spaces/)?{RID}/resolve/([^/]+)/(.+)", Handler.resolve),
]


class LocalHub:
    def __init__(self, root: str | Path | None = None, port: int = 0, user: str = "tester", large_files: str = "lfs"):
        self._tmp = None if root else tempfile.TemporaryDirectory(prefix="localhub-")
        self.store = Store(Path(root or self._tmp.name))
        self.user, self.large_files, self.log = user, large_files, []
        self.served: list[tuple[str, int]] = []  # files and how many bytes of them were sent
        self.scans: dict[str, str] = {}  # what the Hub's scan says of a file, by its name
        self.server = ThreadingHTTPServer(("127.0.0.1", port), type("H", (Handler,), {"hub": self}))
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *exc):
        self.server.shutdown()
        self.server.server_close()
        if self._tmp:
            self._tmp.cleanup()


if __name__ == "__main__":
    ap = argparse.ArgumentParser()
    ap.add_argument("--port", type=int, default=8123)
    ap.add_argument("--root", default=None)
    ap.add_argument("--large-files", choices=["lfs", "regular"], default="lfs")
    a = ap.parse_args()
    hub = LocalHub(a.root, a.port, large_files=a.large_files)
    print(hub.url, flush=True)
    hub.server.serve_forever()
