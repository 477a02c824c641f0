# SPDX-License-Identifier: GPL-2.0-or-later
"""An HTTP server that misbehaves on demand, and otherwise stores what it gets, WebDAV or S3.

A test pushes faults; each takes one request that it fits, in the order they were pushed. What comes
with an AWS4 signature must be signed as Amazon's description says: this is a second
implementation, not the one under test.
"""

import calendar
import hashlib
import hmac
import re
import socket
import ssl
import struct
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, quote, unquote

from .server import HOST_VIEW

KEY_ID, SECRET = "AKIDHOSTILE", "hostile+secret/key="


def s3_error(code, message="no reason"):
    return (f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code>'
            f"<Message>{message}</Message></Error>")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body="", headers=()):
        data = body.encode() if isinstance(body, str) else body
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def pieces(self):
        """The content as it comes."""
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            while size := int(self.rfile.readline().split(b";")[0] or b"0", 16):
                yield self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return
        left = int(self.headers.get("Content-Length", 0))
        while left:
            piece = self.rfile.read(min(left, 65536))
            if not piece:
                raise ConnectionError("the content ended early")
            left -= len(piece)
            yield piece

    def reset(self):
        """Ends the connection without a word."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        try:
            self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def handle_any(self):
        server = self.server.owner
        server.requests.append((self.command, self.path))
        server.headers.append(dict(self.headers))
        try:
            fault = server.next_fault(self)
            if fault:
                fault.act(self)
            else:
                server.store(self, b"".join(self.pieces()))
        except (OSError, ConnectionError, ssl.SSLError):
            self.close_connection = True

    do_GET = do_PUT = do_POST = do_DELETE = do_MKCOL = do_HEAD = handle_any


class Fault:
    """Takes `times` requests of a method whose path and query match a pattern."""

    def __init__(self, act, method=None, pattern="", times=1):
        self.act = act
        self.method = method
        self.pattern = re.compile(pattern)
        self.times = times


def status(code, body="", headers=(), drain=True):
    """Answers with a status, after the content was read (or at once)."""
    def act(handler):
        if drain:
            for _ in handler.pieces():
                pass
        else:
            handler.close_connection = True
        handler.answer(code, body, headers)
    return act


def cut(after=0):
    """Resets the connection after so many bytes of content."""
    def act(handler):
        got = 0
        for piece in handler.pieces():
            got += len(piece)
            if got >= after:
                break
        handler.reset()
    return act


def half_answer(code, body):
    """A status, and a connection that ends in the body."""
    def act(handler):
        for _ in handler.pieces():
            pass
        handler.send_response(code)
        handler.send_header("Content-Length", str(len(body) + 1000))
        handler.end_headers()
        handler.wfile.write(body.encode())
        handler.close_connection = True
    return act


def stall(seconds=30):
    """Reads nothing, answers nothing, closes nothing."""
    def act(handler):
        handler.server.owner.stopping.wait(seconds)
        handler.reset()
    return act


def endless_body(code=403):
    """An answer that goes on for ever."""
    def act(handler):
        handler.send_response(code)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        while not handler.server.owner.stopping.is_set():
            handler.wfile.write(b"10000\r\n" + b"x" * 65536 + b"\r\n")
    return act


def endless_headers():
    """Headers without end."""
    def act(handler):
        handler.send_response(200)
        while not handler.server.owner.stopping.is_set():
            handler.send_header("X-More", "y" * 1000)
            handler.flush_headers()
    return act


class HostileServer:
    def __init__(self, certificate=None, address=HOST_VIEW):
        """certificate: (crt, key) for https, None: http."""
        self._http = ThreadingHTTPServer((address, 0), Handler)
        self._http.daemon_threads = True
        self._http.owner = self
        self.port = self._http.server_address[1]
        self.scheme = "http"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self._http.socket = context.wrap_socket(self._http.socket, server_side=True,
                                                    do_handshake_on_connect=False)
            self.scheme = "https"
        self.stopping = threading.Event()
        self.requests, self.headers, self.objects, self.uploads = [], [], {}, {}
        self.faults = []
        self.page = 1000  # objects in a page of a listing
        self.upload_id = "id/with=odd&chars%41~"
        self._lock = threading.Lock()

    def __enter__(self):
        threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self._http.shutdown()
        self._http.server_close()

    def endpoint(self, host=HOST_VIEW):
        return f"{self.scheme}://{host}:{self.port}"

    def push(self, act, method=None, pattern="", times=1):
        self.faults.append(Fault(act, method, pattern, times))

    def next_fault(self, handler):
        with self._lock:
            for fault in self.faults:
                if fault.times and fault.method in (None, handler.command) and \
                        fault.pattern.search(handler.path):
                    fault.times -= 1
                    return fault
        return None

    def count(self, method, pattern=""):
        return sum(m == method and bool(re.search(pattern, p)) for m, p in self.requests)

    # a store as it should be

    def store(self, handler, body):
        path, _, query = handler.path.partition("?")
        if "AWS4" in handler.headers.get("Authorization", ""):
            wrong = signature_error(handler, path, query, body)
            if wrong:
                handler.answer(403, s3_error("SignatureDoesNotMatch", wrong))
                return
        name, options = unquote(path).lstrip("/"), dict(parse_qsl(query, keep_blank_values=True))
        action = getattr(self, f"_{handler.command.lower()}")
        action(handler, name, options, body)

    def _get(self, handler, name, options, _body):
        if "list-type" in options:
            self._list(handler, name.split("/")[0] + "/", options)
        elif name in self.objects:
            handler.answer(200, self.objects[name])
        else:
            handler.answer(404, s3_error("NoSuchKey"))

    def _list(self, handler, bucket, options):
        names = sorted(n[len(bucket):] for n in self.objects
                       if n.startswith(bucket + options.get("prefix", "")))
        names = [n for n in names if n > options.get("start-after", "")]
        page, more = names[:self.page], len(names) > self.page
        handler.answer(200, "<ListBucketResult>" + "".join(
            f"<Contents><Key>{n}</Key><Size>{len(self.objects[bucket + n])}</Size></Contents>"
            for n in page) + f"<IsTruncated>{str(more).lower()}</IsTruncated></ListBucketResult>")

    def _put(self, handler, name, options, body):
        if "uploadId" in options:
            if options["uploadId"] not in self.uploads:
                handler.answer(404, s3_error("NoSuchUpload"))
                return
            self.uploads[options["uploadId"]][int(options["partNumber"])] = body
        else:
            self.objects[name] = body
        handler.answer(200, headers=[("ETag", f'"{hashlib.md5(body).hexdigest()}"')])

    def _post(self, handler, name, options, body):
        if "uploads" in options:
            self.uploads[self.upload_id] = {}
            handler.answer(200, "<InitiateMultipartUploadResult><UploadId>"
                           f"{self.upload_id}</UploadId></InitiateMultipartUploadResult>")
            return
        parts = self.uploads.pop(options["uploadId"])
        wanted = re.findall(rb"<PartNumber>(\d+)</PartNumber><ETag>\"(\w+)\"</ETag>", body)
        assert [(int(n), e.decode()) for n, e in wanted] == \
            [(n, hashlib.md5(p).hexdigest()) for n, p in sorted(parts.items())]
        self.objects[name] = b"".join(p for _, p in sorted(parts.items()))
        handler.answer(200, "   \n<CompleteMultipartUploadResult><Key>x</Key>"
                       "</CompleteMultipartUploadResult>")

    def _delete(self, handler, name, options, _body):
        self.uploads.pop(options.get("uploadId"), None)
        self.objects.pop(name, None)
        handler.answer(204)

    def _mkcol(self, handler, _name, _options, _body):
        handler.answer(201)


def signature_error(handler, path, query, body):
    """What is wrong with a request's AWS4 signature, or None."""
    given = re.fullmatch(r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d+)/([^/]+)/s3/aws4_request, "
                         r"SignedHeaders=(\S+), Signature=(\w+)", handler.headers["Authorization"])
    if not given:
        return "no such scheme"
    key, date, region, names, signature = given.groups()
    payload = handler.headers["x-amz-content-sha256"]
    if key != KEY_ID:
        return "unknown key"
    if payload != hashlib.sha256(body).hexdigest():
        return "the content has another hash"
    if not {"host", "x-amz-date", "x-amz-content-sha256"} <= set(names.split(";")):
        return "headers are missing in the signature"
    pairs = sorted((quote(n, safe="-._~"), quote(v, safe="-._~"))
                   for n, v in parse_qsl(query.replace("+", "%2B"), keep_blank_values=True))
    canonical = "\n".join([
        handler.command, quote(unquote(path), safe="/-._~"), "&".join(f"{n}={v}" for n, v in pairs),
        *(f"{n}:{' '.join(handler.headers[n].split())}" for n in names.split(";")), "", names,
        payload])
    scope = f"{date}/{region}/s3/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", handler.headers["x-amz-date"], scope,
                      hashlib.sha256(canonical.encode()).hexdigest()])
    secret = f"AWS4{SECRET}".encode()
    for word in (date, region, "s3", "aws4_request"):
        secret = hmac.new(secret, word.encode(), hashlib.sha256).digest()
    expected = hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()
    age = abs(time.time() - calendar.timegm(time.strptime(handler.headers["x-amz-date"],
                                                          "%Y%m%dT%H%M%SZ")))
    if age > 900:
        return "the clock is wrong"
    return None if expected == signature else f"the signature is another one, of:\n{canonical}"
