"""Marked lines for rules/library.yaml: `ruleid:` above a line that must be found, `ok:` above one that must not."""
# ruff: noqa

import json
import os
import pickle
import ssl

import requests
import yaml


def load(data: bytes):
    # ok: python-unsafe-deserialization
    json.loads(data)
    # ok: python-unsafe-deserialization
    yaml.safe_load(data)
    # ok: python-unsafe-deserialization
    yaml.load(data, Loader=yaml.SafeLoader)
    # ruleid: python-unsafe-deserialization
    yaml.load(data, Loader=yaml.Loader)
    # ruleid: python-unsafe-deserialization
    return pickle.loads(data)


def fetch(url: str):
    # ok: python-tls-verification-off
    requests.get(url, verify="/etc/ssl/private-ca.pem", timeout=5)
    context = ssl.create_default_context()
    # ruleid: python-tls-verification-off
    context.verify_mode = ssl.CERT_NONE
    # ruleid: python-tls-verification-off
    return requests.get(url, verify=False, timeout=5)


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
