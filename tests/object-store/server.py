"""An S3 store in memory, for tests: server.py PORT BUCKET [CERTIFICATE KEY]

moto keeps the objects and their conditions, but for those of a deletion. What moto lets pass counts here: who writes has signed the request
(botocore makes the signature again) and what is in it, and requests are answered one at a time, so that a condition and
what it guards are one step. Anybody may read. With CARELESS set, conditions are passed over, as by stores that know none; with
SLOW, every other write takes longer on its way, so that later ones overtake it.
It is gone with its standard input, and says `ready` once it answers.
"""

import hashlib
import io
import itertools
import json
import os
import ssl
import sys
import threading
import time

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from moto.moto_server.werkzeug_app import create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.test import Client

KEYS = {"marque-test": "a secret/of+the=store"}
CARELESS, SLOW = os.environ.get("CARELESS"), os.environ.get("SLOW")
CONDITIONS = ("HTTP_IF_MATCH", "HTTP_IF_NONE_MATCH")


def headers(environ):
    found = {name[5:].replace("_", "-").lower(): value for name, value in environ.items() if name.startswith("HTTP_")}
    for name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        if environ.get(name):
            found[name.replace("_", "-").lower()] = environ[name]
    return found


def is_signed(environ, body):
    """Whether the request was signed by one of the keys, and is as it was then."""
    sent = headers(environ)
    scheme, _, rest = sent.get("authorization", "").partition(" ")
    if scheme != "AWS4-HMAC-SHA256":
        return False
    parts = dict(part.strip().split("=", 1) for part in rest.split(","))
    key, date, region, service, _ = parts["Credential"].split("/")
    names = parts["SignedHeaders"].split(";")
    if key not in KEYS or service != "s3" or "host" not in names or "x-amz-content-sha256" not in names:
        return False
    if not all(name in names for name in sent if name.startswith("x-amz-") or name.startswith("if-")):
        return False
    if sent["x-amz-content-sha256"] != hashlib.sha256(body).hexdigest():
        return False
    url = f"{environ['wsgi.url_scheme']}://{sent['host']}{environ['RAW_URI']}"
    request = AWSRequest(method=environ["REQUEST_METHOD"], url=url, data=body)
    for name in names:
        request.headers[name] = sent[name]
    request.context["timestamp"] = sent["x-amz-date"]
    auth = S3SigV4Auth(Credentials(key, KEYS[key]), service, region)
    text = auth.string_to_sign(request, auth.canonical_request(request))
    return date == sent["x-amz-date"][:8] and auth.signature(text, request) == parts["Signature"]


class Store:
    def __init__(self, bucket):
        self.app = create_backend_app("s3")
        self.turn = threading.Lock()
        self.writes = itertools.count()
        client = Client(self.app)
        read = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [read]})
        for path, data in ((f"/{bucket}", None), (f"/{bucket}?policy", policy)):
            assert client.put(path, base_url="http://127.0.0.1", data=data).status_code in (200, 204)

    def __call__(self, environ, start_response):
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        reads = environ["REQUEST_METHOD"] in ("GET", "HEAD")
        if not (reads and "HTTP_AUTHORIZATION" not in environ or is_signed(environ, body)):
            start_response("403 Forbidden", [("Content-Type", "application/xml")])
            return [b"<Error><Code>SignatureDoesNotMatch</Code></Error>"]
        if CARELESS:
            for name in CONDITIONS:
                environ.pop(name, None)
        # Whatever a CDN calls it, the path names the bucket.
        environ["HTTP_HOST"] = "127.0.0.1"
        environ["wsgi.input"] = io.BytesIO(body)
        if SLOW and not reads and next(self.writes) % 2:
            time.sleep(0.2)
        with self.turn:
            if environ["REQUEST_METHOD"] == "DELETE" and "HTTP_IF_MATCH" in environ:
                there = Client(self.app).head(environ["PATH_INFO"], base_url="http://127.0.0.1")
                if there.status_code == 200 and there.headers["ETag"] != environ["HTTP_IF_MATCH"]:
                    start_response("412 Precondition Failed", [("Content-Type", "application/xml")])
                    return [b"<Error><Code>PreconditionFailed</Code></Error>"]
            return list(self.app(environ, start_response))


class Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_request(self, *_):
        pass


def main():
    port, bucket, tls = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
    context = None
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*tls)
    server = make_server("127.0.0.1", port, Store(bucket), threaded=True, request_handler=Quiet, ssl_context=context)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print("ready", flush=True)
    sys.stdin.read()


main()
