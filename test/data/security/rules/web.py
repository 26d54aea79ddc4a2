"""Marked lines for rules/web.yaml: `ruleid:` above a line that must be found, `ok:` above one that must not."""
# ruff: noqa

import html
import http.server
import json
import logging
import os
import pathlib
import re
import traceback
from urllib.parse import quote, urlparse

import httpx
import jinja2
import requests
from django.http import HttpResponse, HttpResponseRedirect
from django.utils.html import format_html
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.safestring import mark_safe
from django.views.decorators.csrf import csrf_exempt
from fastapi import APIRouter, FastAPI
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse
from flask import Flask, jsonify, make_response, redirect, request, send_file, session, url_for
from flask_cors import CORS
from markupsafe import Markup, escape
from werkzeug.utils import secure_filename

app = Flask(__name__)
router = APIRouter()
logger = logging.getLogger(__name__)
MIRRORS = {"eu": "https://eu.invalid/", "us": "https://us.invalid/"}
HOSTS = {"eu.invalid", "us.invalid"}
FOLDER = pathlib.Path("/srv/files")


def download():
    name = request.args.get("name")
    # ok: python-path-traversal
    open(os.path.join("/srv/files", os.path.basename(name)))
    # ok: python-path-traversal
    open(os.path.join("/srv/files", secure_filename(name)))
    # ok: python-path-traversal
    open("/srv/files/readme.txt")
    # ruleid: python-path-traversal
    open(os.path.join("/srv/files", name))
    # ruleid: python-path-traversal
    os.remove(f"/srv/files/{name}")
    # ruleid: python-path-traversal
    (FOLDER / name).read_text()
    # ruleid: python-path-traversal
    return send_file("/srv/files/" + name)


def download_checked():
    path = os.path.realpath(os.path.join("/srv/files", request.args["name"]))
    if not path.startswith("/srv/files/"):
        return None
    # ok: python-path-traversal
    return open(path)


def download_dots():
    name = request.args["name"]
    if "../" in name:
        return None
    # ok: python-path-traversal
    return open("/srv/files/" + name)


def download_resolved():
    path = (FOLDER / request.args["name"]).resolve()
    path.relative_to(FOLDER)
    # ok: python-path-traversal
    return path.read_bytes()


@router.get("/files/{name}")
def stored(name: str, number: int):
    # ok: python-path-traversal
    open(f"/srv/files/{number}")
    # ruleid: python-path-traversal
    return FileResponse("/srv/files/" + name)


def document(request, path):
    # ruleid: python-path-traversal
    return HttpResponse(open("/srv/" + path))


def proxy():
    # ok: python-ssrf
    requests.get(MIRRORS["eu"], timeout=5)
    # ok: python-ssrf
    requests.get(MIRRORS[request.args["mirror"]], timeout=5)
    # ok: python-ssrf
    requests.get("https://api.invalid/users/" + request.args["user"], timeout=5)
    # ok: python-ssrf
    requests.get("https://api.invalid/users", params={"name": request.args["user"]}, timeout=5)
    with httpx.Client() as client:
        # ruleid: python-ssrf
        client.get(request.args["url"])
    # ruleid: python-ssrf
    requests.post("https://" + request.args["host"] + "/", timeout=5)
    # ruleid: python-ssrf
    return requests.get(request.args["url"], timeout=5).text


def proxy_checked():
    url = request.args["url"]
    parsed = urlparse(url)
    if parsed.hostname not in HOSTS:
        return None
    # ok: python-ssrf
    return requests.get(url, timeout=5)


def greet():
    who = request.args["who"]
    # ok: python-reflected-xss
    make_response("<p>" + escape(who) + "</p>")
    # ok: python-reflected-xss
    make_response(jsonify(who=who))
    # ruleid: python-reflected-xss
    Markup("<p>" + who + "</p>")
    # ruleid: python-reflected-xss
    return make_response("<p>" + who + "</p>")


@app.route("/hello/<name>")
def hello(name):
    if name == "json":
        # ok: python-reflected-xss
        return {"name": name}
    if name == "own":
        # ok: python-reflected-xss
        return helpers.escape_for_html(name)
    if name == "plain":
        # ok: python-reflected-xss
        return html.escape(name)
    # ruleid: python-reflected-xss
    return "<p>Hello " + name + "</p>"


@app.route("/answer", methods=["POST"])
def answer():
    page = ""
    who = request.form.get("who", "")
    page += f"<p>{who}</p>"
    # ruleid: python-reflected-xss
    return page


def django_view(request):
    # ok: python-reflected-xss
    HttpResponse(json.dumps(request.GET["q"]), content_type="application/json")
    # ruleid: python-reflected-xss
    return HttpResponse("<p>" + request.GET["q"] + "</p>")


class Old(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        # ruleid: python-reflected-xss
        self.wfile.write(b"<p>" + self.path.encode() + b"</p>")
        # ruleid: python-header-injection
        self.send_header("X-Path", self.path)
        # ok: python-header-injection
        self.send_header("X-Path", quote(self.path))


def link(header, url):
    # ruleid: python-markup-from-text
    mark_safe("<br>" + header)
    # ruleid: python-markup-from-text
    Markup("<a href='%s'>" % url)
    # ok: python-markup-from-text
    mark_safe("<br>" + escape(header))
    # ok: python-markup-from-text
    mark_safe("<br>")
    # ok: python-markup-from-text
    return format_html("<a href='{}'>", url)


# ruleid: python-autoescape-off
PLAIN = jinja2.Environment(loader=None)
# ok: python-autoescape-off
PAGES = jinja2.Environment(autoescape=True)


def leave():
    target = request.args["next"]
    if request.args.get("home"):
        # ok: python-open-redirect
        return redirect(url_for("index"))
    if request.args.get("user"):
        # ok: python-open-redirect
        return redirect("/users/" + request.args["user"])
    # ruleid: python-open-redirect
    return redirect(target)


def leave_checked(request):
    target = request.GET.get("next")
    if not url_has_allowed_host_and_scheme(target, HOSTS):
        target = "/"
    # ok: python-open-redirect
    return HttpResponseRedirect(target)


@router.get("/leave")
async def leave_later(url: str):
    # ruleid: python-open-redirect
    return RedirectResponse(url)


def note():
    user = request.args["user"]
    # ruleid: python-log-injection
    logger.info("hello %s", user)
    # ruleid: python-log-injection
    logging.warning("hello " + user)
    # ok: python-log-injection
    logger.info("hello %r", user)
    # ok: python-log-injection
    logger.info("'%r' is not in %s", user, HOSTS)
    # ruleid: python-log-injection
    logger.info("%s has no %s", HOSTS, user)
    # ok: python-log-injection
    logger.info(f"hello {user!r}")
    # ok: python-log-injection
    logger.info("hello %s", user.replace("\n", " "))


def remember():
    # ruleid: python-trust-boundary
    session["role"] = request.form["role"]
    # ruleid: python-trust-boundary
    session[request.form["name"]] = "1"
    # ok: python-trust-boundary
    session["number"] = int(request.form["number"])
    # ok: python-trust-boundary
    session["seen"] = True


def cookies(value):
    response = make_response("")
    # ruleid: python-cookie-not-secure, python-cookie-not-httponly
    response.set_cookie("session", value)
    # ruleid: python-cookie-not-secure, python-cookie-not-httponly
    response.set_cookie("session", value, secure=False, httponly=False)
    # ok: python-cookie-not-secure, python-cookie-not-httponly
    response.set_cookie("session", value, secure=True, httponly=True)
    # ok: python-cookie-not-secure, python-cookie-not-httponly
    response.set_cookie("session", "", max_age=0)


# ruleid: python-permissive-cors
CORS(app, origins="*", supports_credentials=True)
# ok: python-permissive-cors
CORS(app, origins=["https://example.com"], supports_credentials=True)
api = FastAPI()
# ruleid: python-permissive-cors
api.add_middleware(CORSMiddleware, allow_origins=["*"], allow_credentials=True)
# ok: python-permissive-cors
api.add_middleware(CORSMiddleware, allow_origins=["*"])


def origin(response):
    # ruleid: python-reflected-origin
    response.headers["Access-Control-Allow-Origin"] = request.headers["Origin"]
    # ok: python-reflected-origin
    response.headers["Access-Control-Allow-Origin"] = "https://example.com"


# ruleid: python-csrf-off
@csrf_exempt
def hook(request):
    return HttpResponse("")


# ok: python-csrf-off
def form(request):
    return HttpResponse("")


@app.route("/risky")
def risky():
    try:
        return compute()
    except ValueError as error:
        logger.exception("risky")
        # ruleid: python-error-shown
        return str(error), 500
    except KeyError:
        # ok: python-error-shown
        return "not found", 404


def sliced():
    text = request.query_string.decode()
    name = text[text.find("name=") + 5 :]
    # ruleid: python-path-traversal
    open(name)
    number = len(text[1:])
    # ok: python-path-traversal
    return open(f"/srv/files/{number}")


@app.route("/moved")
def moved():
    # ok: python-reflected-xss
    return make_response("", 303, {"X-Name": request.args["name"]})
