"""Marked lines for rules/library.yaml: `ruleid:` above a line that must be found, `ok:` above one that must not."""
# ruff: noqa

import logging
import os
import tempfile

import jwt
from fastapi import FastAPI
from flask import Flask

logger = logging.getLogger(__name__)
app = Flask(__name__)

# ok: python-hardcoded-secret
password = os.environ["PASSWORD"]
# ok: python-hardcoded-secret
password_field = "password-field"
# ok: python-hardcoded-secret
api_key = "your-api-key-here"
# ok: python-hardcoded-secret
secret = ""
# ruleid: python-hardcoded-secret
api_key = "9f3b7c21d5e84a60"
# ruleid: python-hardcoded-secret
DB_PASSWORD = "correct-horse-battery"
# ruleid: python-hardcoded-signing-key
app.secret_key = "k2j4h5g6f7d8"
# ok: python-hardcoded-signing-key
app.secret_key = os.environ["SECRET_KEY"]


def sign(claims):
    # ruleid: python-hardcoded-signing-key
    return jwt.encode(claims, "k2j4h5g6f7d8", algorithm="HS256")


# ruleid: python-known-token
TOKEN = "ghp_" "0123456789abcdefghijABCDEFGHIJ012345"
# ok: python-known-token
TOKEN = "ghp_short"
# ruleid: python-password-in-address
ADDRESS = "postgresql://shop:k2j4h5g6@db.internal/shop"
# ruleid: python-password-in-address
ADDRESS = "postgresql://" "shop:k2j4h5g6@db.internal/shop"
# ok: python-password-in-address
ADDRESS = "postgresql://shop@db.internal/shop"

if __name__ == "__main__":
    if os.environ.get("SAFE"):
        # ok: python-debug-mode
        app.run(debug=False)
    # ruleid: python-debug-mode
    app.run(debug=True)

# ruleid: python-debug-setting
api = FastAPI(debug=True)
# ok: python-debug-setting
api = FastAPI(debug=os.environ.get("DEBUG") == "1")
# ruleid: python-any-host
ALLOWED_HOSTS = ["*"]
# ok: python-any-host
ALLOWED_HOSTS = ["shop.example.com"]


def scratch(data):
    # ruleid: python-temporary-name
    name = tempfile.mktemp()
    # ok: python-temporary-name
    file = tempfile.NamedTemporaryFile()
    # ruleid: python-shared-temporary-path
    os.makedirs(os.path.join(tempfile.gettempdir(), "cache"))
    # ok: python-shared-temporary-path
    os.makedirs(os.path.join(tempfile.mkdtemp(), "cache"))
    # ruleid: python-constant-temporary-path
    open("/tmp/state", "w").write(data)
    # ok: python-constant-temporary-path
    open("/var/lib/shop/state", "w").write(data)
    # ok: python-constant-temporary-path
    open("/tmp/state").read()


def permissions(path, data):
    # ruleid: python-open-permissions
    os.chmod(path, 0o777)
    # ok: python-open-permissions
    os.chmod(path, 0o750)
    # ruleid: python-late-permissions
    with open(path, "w") as file:
        os.chmod(path, 0o600)
        file.write(data)
    # ok: python-late-permissions
    with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
        file.write(data)


def login(user, password):
    # ruleid: python-secret-in-log
    logger.debug("login with %s", password)
    # ok: python-secret-in-log
    logger.debug("login of %s", user)
    # ruleid: python-assert-of-right
    assert user.is_staff
    # ok: python-assert-of-right
    assert user.name


def listen(socket):
    # ruleid: python-every-interface
    socket.bind(("0.0.0.0", 80))
    # ok: python-every-interface
    socket.bind(("127.0.0.1", 80))


# ruleid: python-hidden-direction
LEVEL = "user‮"
# ok: python-hidden-direction
LEVEL = "user\u202e"
