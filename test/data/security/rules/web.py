"""Marked lines for rules/web.yaml: `ruleid:` above a line that must be found, `ok:` above one that must not."""
# ruff: noqa

import os

import requests
from flask import make_response, redirect, request, send_file, url_for
from markupsafe import escape

MIRRORS = {"eu": "https://eu.invalid/", "us": "https://us.invalid/"}


def download():
    name = request.args.get("name")
    # ok: python-path-traversal
    open(os.path.join("/srv/files", os.path.basename(name)))
    # ok: python-path-traversal
    open("/srv/files/readme.txt")
    # ruleid: python-path-traversal
    open(os.path.join("/srv/files", name))
    # ruleid: python-path-traversal
    return send_file("/srv/files/" + name)


def proxy():
    # ok: python-ssrf
    requests.get(MIRRORS["eu"], timeout=5)
    # ruleid: python-ssrf
    return requests.get(request.args["url"], timeout=5).text


def greet():
    who = request.args["who"]
    # ok: python-reflected-xss
    make_response("<p>" + escape(who) + "</p>")
    # ruleid: python-reflected-xss
    return make_response("<p>" + who + "</p>")


def leave():
    if request.args.get("home"):
        # ok: python-open-redirect
        return redirect(url_for("index"))
    # ruleid: python-open-redirect
    return redirect(request.args["next"])
