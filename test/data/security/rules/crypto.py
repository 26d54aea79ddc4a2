"""Marked lines for rules/crypto.yaml: `ruleid:` above a line that must be found, `ok:` above one that must not."""
# ruff: noqa

import ftplib
import hashlib
import hmac
import os
import random
import secrets
import smtplib
import ssl
import time

import bcrypt
import jwt
import paramiko
import requests
from Crypto.Cipher import AES, DES
from Crypto.PublicKey import RSA
from cryptography.hazmat.primitives.ciphers import modes


def fetch(url: str):
    # ok: python-tls-verification-off
    requests.get(url, verify="/etc/ssl/private-ca.pem", timeout=5)
    context = ssl.create_default_context()
    # ruleid: python-tls-verification-off
    context.verify_mode = ssl.CERT_NONE
    # ok: python-tls-verification-off
    context.verify_mode = ssl.CERT_REQUIRED
    # ruleid: python-tls-verification-off
    return requests.get(url, verify=False, timeout=5)


# ruleid: python-tls-old
OLD = ssl.SSLContext(ssl.PROTOCOL_TLSv1)
# ok: python-tls-old
NEW = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def send(host):
    # ruleid: python-tls-mail-unchecked
    smtplib.SMTP_SSL(host)
    # ok: python-tls-mail-unchecked
    smtplib.SMTP_SSL(host, context=ssl.create_default_context())


def connect(client):
    # ruleid: python-ssh-host-unchecked
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    # ok: python-ssh-host-unchecked
    client.set_missing_host_key_policy(paramiko.RejectPolicy())


def digests(data: bytes, password: str):
    # ruleid: python-weak-hash
    hashlib.md5(data)
    # ruleid: python-weak-hash
    hashlib.new("sha1", data)
    # ok: python-weak-hash
    hashlib.md5(data, usedforsecurity=False)
    # ok: python-weak-hash
    hashlib.sha256(data)
    # ruleid: python-weak-password-hash
    hashlib.sha256(password.encode())
    # ok: python-weak-password-hash
    hashlib.scrypt(password.encode(), salt=os.urandom(16), n=2**14, r=8, p=1)
    # ok: python-weak-password-hash
    hashlib.sha256(data)
    # ruleid: python-few-rounds
    hashlib.pbkdf2_hmac("sha256", data, b"salt", 1000)
    # ok: python-few-rounds
    hashlib.pbkdf2_hmac("sha256", data, b"salt", 600_000)
    # ruleid: python-few-rounds
    bcrypt.gensalt(rounds=4)


def ciphers(key: bytes):
    # ruleid: python-weak-cipher
    DES.new(key, DES.MODE_CBC)
    # ruleid: python-weak-cipher
    AES.new(key, AES.MODE_ECB)
    # ok: python-weak-cipher
    AES.new(key, AES.MODE_GCM, nonce=os.urandom(12))
    # ruleid: python-constant-nonce
    modes.CBC(b"0000000000000000")
    # ok: python-constant-nonce
    modes.CBC(os.urandom(16))
    # ruleid: python-short-key
    RSA.generate(1024)
    # ok: python-short-key
    RSA.generate(3072)


def make_token(length: int) -> str:
    # ruleid: python-guessable-secret
    token = "".join(random.choice("abcdef") for _ in range(length))
    # ok: python-guessable-secret
    token = secrets.token_urlsafe(length)
    # ok: python-guessable-secret
    colour = random.choice(["red", "blue"])
    # ruleid: python-guessable-secret
    session_id = str(random.randint(0, 10**9))
    # ok: python-guessable-secret
    api_key = random.SystemRandom().choice("abc")
    # ruleid: python-random-not-secret
    wait = random.uniform(0, 1)
    # ok: python-random-not-secret
    wait = secrets.randbelow(3)
    # ruleid: python-seeded-secret
    random.seed(time.time())
    # ok: python-seeded-secret
    random.seed()
    return token


def claims(token, key):
    # ruleid: python-jwt-unverified
    jwt.decode(token, options={"verify_signature": False})
    # ok: python-jwt-unverified
    return jwt.decode(token, key, algorithms=["HS256"])


def signed(key, body, signature):
    # ruleid: python-comparison-leaks-time
    if hmac.new(key, body, "sha256").hexdigest() == signature:
        return True
    # ok: python-comparison-leaks-time
    return hmac.compare_digest(hmac.new(key, body, "sha256").hexdigest(), signature)


def transfer(host):
    # ruleid: python-cleartext-protocol
    ftplib.FTP(host)
    # ok: python-cleartext-protocol
    ftplib.FTP_TLS(host, context=ssl.create_default_context())


def make_code() -> str:
    # ruleid: python-guessable-secret
    verification_code = int(random.random() * 1_000_000)
    # ruleid: python-guessable-secret
    session_key = hashlib.sha256(str(random.random()).encode()).hexdigest()
    return f"{verification_code}{session_key}"
