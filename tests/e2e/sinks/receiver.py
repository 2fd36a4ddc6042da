#!/usr/bin/env python3
"""A web server that takes alerts as docs/sinks.md says a receiver should: it verifies the signature, remembers what it
has by its key, and answers only when that is on disk.

Writes a line "KEY UID" for each alert that is new to --log, and every request's outcome to --attempts.
"""
import argparse
import hashlib
import hmac
import http.server
import json
import os
import ssl
import threading
import time

parser = argparse.ArgumentParser()
parser.add_argument("--port", type=int, required=True)
parser.add_argument("--key-file", required=True)
parser.add_argument("--log", required=True)
parser.add_argument("--attempts", required=True)
parser.add_argument("--cert")
parser.add_argument("--refuse-uid")
parser.add_argument("--chatty", type=int, default=0, help="answer with a body of so many bytes")
parser.add_argument("--answer", help="while this file is there, answer what it says: a status, and a Retry-After")
parser.add_argument("--busy", type=int, default=0, help="answer 503 to so many requests first")
options = parser.parse_args()

KEY = open(options.key_file, "rb").read().strip()
log = open(options.log, "a+", encoding="utf-8")
log.seek(0)
seen = {line.split()[0] for line in log if line.endswith("\n")}
lock = threading.Lock()
attempts = open(options.attempts, "a", encoding="utf-8", buffering=1)


def verified(headers, body):
    stamp = headers.get("X-Bulkhead-Timestamp", "0")
    wanted = "sha256=" + hmac.new(KEY, stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    fresh = abs(time.time() - int(stamp)) < 300
    return fresh and hmac.compare_digest(wanted, headers.get("X-Bulkhead-Signature", ""))


class Receiver(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        ordered = self.ordered()
        if ordered:
            self.answer(*ordered)
            return
        with lock:
            status = self.judge(body)
        self.answer(status)

    def ordered(self):
        """Status and Retry-After of --answer; nothing while there is no such file."""
        if options.answer and os.path.exists(options.answer):
            status, *retry_after = open(options.answer, encoding="ascii").read().split()
            return int(status), *retry_after
        return ()

    def judge(self, body):
        if options.busy > 0:
            options.busy -= 1
            return 503
        if not verified(self.headers, body):
            return 401
        key = self.headers["Idempotency-Key"]
        uid = json.loads(body)["finding_info"]["uid"]
        if uid == options.refuse_uid:
            return 422
        if key not in seen:
            log.write(f"{key} {uid}\n")
            log.flush()
            os.fsync(log.fileno())
            seen.add(key)
        return 200 if options.chatty else 204

    def answer(self, status, retry_after=None):
        attempts.write(f"{status}\n")
        self.send_response(status)
        if retry_after:
            self.send_header("Retry-After", retry_after)
        if status != 204:
            self.send_header("Content-Length", str(options.chatty))
        self.end_headers()
        self.wfile.write(b"x" * options.chatty)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", options.port), Receiver)
if options.cert:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(options.cert)
    server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
