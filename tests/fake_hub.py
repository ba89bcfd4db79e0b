"""A small hub of models on this machine, with the part of Hugging Face's interface that is used.

Repositories are in memory, with one branch, "main". Files are small, so they are sent with a commit
and not by a store of large files.
"""

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

TOKEN = "hf_test"


class Repository:
    """The files of a repository, its commit, and who may read it."""

    def __init__(self, files: Mapping[str, bytes] = {}, *, private: bool = False) -> None:  # noqa: B006
        self.files = dict(files)
        self.private = private
        self.gated = False
        self.stated_sizes: dict[str, int | None] = {}
        """Sizes that the hub states in the place of the true ones."""

    @property
    def commit(self) -> str:
        state = hashlib.sha1()
        for name, content in sorted(self.files.items()):
            state.update(name.encode() + content)
        return state.hexdigest()


class FakeHub:
    """Repositories by name, and the paths that were requested."""

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.requests: list[str] = []
        self.failure: int | None = None
        """The status of every answer, if the hub is broken."""
        self.answer: bytes | None = None
        """The content of every answer, if the server is no hub."""
        self.url = ""

    def add_folder(self, name: str, path: Path) -> Repository:
        files = {file.name: file.read_bytes() for file in path.iterdir()}
        self.repositories[name] = Repository(files)
        return self.repositories[name]


@contextmanager
def serve() -> Iterator[FakeHub]:
    """Run a hub while the context lasts."""
    hub = FakeHub()

    class Handler(_Handler):
        content = hub

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    content: FakeHub
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *arguments: object) -> None:
        """Write nothing."""

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        if self._broken():
            return
        path = self.path.split("?")[0]
        if path == "/api/whoami-v2":
            self._json({"name": "user", "type": "user"}) if self._has_token() else self._error(401)
        elif match := re.fullmatch(r"/api/models/([^/]+/[^/]+)(?:/revision/(.+))?", path):
            self._info(match[1], match[2])
        elif match := re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
            self._file(match[1], match[2], match[3])
        else:
            self._error(404)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self._broken():
            return
        path = self.path.split("?")[0]
        if not self._has_token():
            self._error(401)
        elif path == "/api/validate-yaml":
            self._json({"errors": [], "warnings": []})
        elif path == "/api/repos/create":
            self._create(json.loads(body))
        elif re.fullmatch(r"/api/models/[^/]+/[^/]+/preupload/main", path):
            files = [
                {"path": file["path"], "uploadMode": "regular", "shouldIgnore": False}
                for file in json.loads(body)["files"]
            ]
            self._json({"files": files})
        elif match := re.fullmatch(r"/api/models/([^/]+/[^/]+)/commit/main", path):
            self._commit(match[1], body)
        else:
            self._error(404)

    def _broken(self) -> bool:
        self.content.requests.append(f"{self.command} {self.path}")
        if self.content.failure is not None:
            self._error(self.content.failure)
            return True
        if self.content.answer is not None:
            self._send(200, self.content.answer)
            return True
        return False

    def _has_token(self) -> bool:
        return self.headers.get("Authorization") == f"Bearer {TOKEN}"

    def _repository(self, name: str, revision: str | None) -> Repository | None:
        """Return a repository; None after an answer with an error."""
        found = self.content.repositories.get(name)
        if found is None or (found.private and not self._has_token()):
            self._error(401, "RepoNotFound")
        elif found.gated and not self._has_token():
            self._error(403, "GatedRepo")
        elif revision not in (None, "main", found.commit):
            self._error(404, "RevisionNotFound")
        else:
            return found
        return None

    def _info(self, name: str, revision: str | None) -> None:
        found = self._repository(name, revision)
        if found is not None:
            siblings = [
                {"rfilename": file, "size": found.stated_sizes.get(file, len(content))}
                for file, content in found.files.items()
            ]
            self._json({"id": name, "sha": found.commit, "siblings": siblings})

    def _file(self, name: str, revision: str, file: str) -> None:
        found = self._repository(name, revision)
        if found is None:
            return
        if file not in found.files:
            self._error(404, "EntryNotFound")
            return
        content = found.files[file]
        etag = hashlib.sha1(content).hexdigest()
        self._send(200, content, {"ETag": f'"{etag}"', "X-Repo-Commit": found.commit})

    def _create(self, request: dict[str, Any]) -> None:
        name = f"{request.get('organization') or 'user'}/{request['name']}"
        if name in self.content.repositories:
            answer = {"url": f"{self.content.url}/{name}", "error": "it exists already"}
            self._send(409, json.dumps(answer).encode())
        elif request.get("organization") not in (None, "user"):
            self._error(403)
        else:
            private = bool(request.get("private") or request.get("visibility") == "private")
            self.content.repositories[name] = Repository(private=private)
            self._json({"url": f"{self.content.url}/{name}"})

    def _commit(self, name: str, body: bytes) -> None:
        repository = self.content.repositories[name]
        for line in map(json.loads, body.splitlines()):
            if line["key"] == "file":
                value = line["value"]
                repository.files[value["path"]] = base64.b64decode(value["content"])
        url = f"{self.content.url}/{name}/commit/{repository.commit}"
        self._json({"success": True, "commitOid": repository.commit, "commitUrl": url})

    def _json(self, content: object) -> None:
        self._send(200, json.dumps(content).encode(), {"Content-Type": "application/json"})

    def _error(self, status: int, code: str | None = None) -> None:
        self._send(status, b"{}", {} if code is None else {"X-Error-Code": code})

    def _send(self, status: int, content: bytes, headers: Mapping[str, str] = {}) -> None:  # noqa: B006
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)
