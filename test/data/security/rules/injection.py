"""Marked lines for rules/injection.yaml: `ruleid:` above a line that must be found, `ok:` above one that must not."""
# ruff: noqa

import ast
import asyncio
import configparser
import importlib
import os
import re
import shlex
import sqlite3
import subprocess

import jinja2
import ldap
import ldap3
import sqlalchemy
from bson import ObjectId
from flask import Blueprint, Flask, render_template_string, request
from jinja2.sandbox import ImmutableSandboxedEnvironment
from ldap.filter import escape_filter_chars
from lxml import etree
from sqlalchemy import select, text

app = Flask(__name__)
pages = Blueprint("pages", __name__)
COLUMNS = {"name": "name", "date": "created"}
TABLE = "orders"


def orders(cursor: sqlite3.Cursor) -> None:
    name = request.args["name"]
    # ruleid: python-sql-injection
    cursor.execute("SELECT * FROM orders WHERE name = '" + name + "'")
    # ruleid: python-sql-injection
    cursor.execute(f"SELECT * FROM orders WHERE name = '{name}'")
    statement = "SELECT * FROM orders WHERE name = '%s'" % name
    # ruleid: python-sql-injection
    cursor.execute(statement)
    # ruleid: python-sql-injection
    cursor.execute("SELECT * FROM orders WHERE name = '{}'".format(name))
    # ruleid: python-sql-injection
    cursor.execute(" ".join(["SELECT * FROM orders WHERE name =", name]))
    statement = "SELECT * FROM orders WHERE name = '"
    statement += name
    # ruleid: python-sql-injection
    cursor.executescript(statement)
    # ok: python-sql-injection
    cursor.execute("SELECT * FROM orders WHERE name = ?", (name,))
    number = int(request.args["number"])
    # ok: python-sql-injection
    cursor.execute(f"SELECT * FROM orders WHERE id = {number}")
    table = "orders"
    # ok: python-sql-injection
    cursor.execute(f"SELECT * FROM {table}")
    # ok: python-sql-injection
    cursor.execute("SELECT * FROM orders ORDER BY " + COLUMNS[request.args["order"]])


def order_by(cursor: sqlite3.Cursor):
    column = request.args.get("order")
    if column not in ("name", "created"):
        return None
    # ok: python-sql-injection
    return cursor.execute("SELECT * FROM orders ORDER BY " + column)


def dead_code(cursor: sqlite3.Cursor) -> None:
    name = request.form["name"]
    count = 86
    chosen = "fixed" if 7 * 42 - count > 200 else name
    # ok: python-sql-injection
    cursor.execute(f"SELECT * FROM orders WHERE name = '{chosen}'")
    other = name if 7 * 42 - count > 200 else "fixed"
    # ruleid: python-sql-injection
    cursor.execute(f"SELECT * FROM orders WHERE name = '{other}'")
    if count > 100:
        third = name
    else:
        third = "fixed"
    # ok: python-sql-injection
    cursor.execute(f"SELECT * FROM orders WHERE name = '{third}'")
    if False:
        # ok: python-sql-injection
        cursor.execute(f"SELECT * FROM orders WHERE name = '{name}'")


def carried(cursor: sqlite3.Cursor) -> None:
    parts = []
    parts.append(request.cookies.get("name"))
    # ruleid: python-sql-injection
    cursor.execute("SELECT * FROM orders WHERE name = '" + parts[0] + "'")
    table = {}
    table["fixed"] = "a"
    table["sent"] = request.headers["X-Name"]
    sent = table["sent"]
    # ruleid: python-sql-injection
    cursor.execute("SELECT * FROM orders WHERE name = '" + sent + "'")
    fixed = table["fixed"]
    # ok: python-sql-injection
    cursor.execute("SELECT * FROM orders WHERE name = '" + fixed + "'")
    config = configparser.ConfigParser()
    config.set("orders", "name", request.args["name"])
    config.set("orders", "kind", "fixed")
    name = config.get("orders", "name")
    # ruleid: python-sql-injection
    cursor.execute("SELECT * FROM orders WHERE name = '" + name + "'")


def alchemy(session) -> None:
    name = request.args["name"]
    # ok: python-sql-injection
    session.execute(select(Order).where(Order.name == name))
    # ok: python-sql-injection
    session.execute(text("SELECT * FROM orders WHERE name = :name"), {"name": name})
    # ruleid: python-sql-injection
    statement = text("SELECT * FROM orders WHERE name = '" + name + "'")
    session.execute(sqlalchemy.text("SELECT 1"))


class Savepoint:
    def begin(self, cursor) -> None:
        # ruleid: python-sql-from-text
        cursor.execute(f"SAVEPOINT {self.name}")
        # ok: python-sql-from-text
        cursor.execute("SAVEPOINT %s" % "fixed")
        # ok: python-sql-from-text
        cursor.execute(f"SELECT * FROM {TABLE}")

    def count(self, cursor, table: str, name: str) -> None:
        # ruleid: python-sql-from-text
        cursor.execute("SELECT count(*) FROM %s" % table)
        # ruleid: python-sql-from-text
        Order.objects.raw("SELECT * FROM %s" % table)
        query = "SELECT count(*) FROM " + table
        # ruleid: python-sql-from-text
        cursor.execute(query)
        # ok: python-sql-from-text
        cursor.execute("SELECT count(*) FROM orders WHERE name = %s", (name,))


def archive() -> None:
    folder = request.form.get("folder")
    # ruleid: python-command-injection
    os.system("tar cf out.tar " + folder)
    # ruleid: python-command-injection
    subprocess.run(f"ls {folder}", shell=True, check=True)
    # ruleid: python-command-injection
    subprocess.check_output(["sh", "-c", "ls " + folder])
    # ok: python-command-injection
    subprocess.run(["ls", folder], check=True)
    # ok: python-command-injection
    os.system("ls " + shlex.quote(folder))
    # ok: python-command-injection
    os.system("ls /srv")


async def archive_later():
    # ruleid: python-command-injection
    await asyncio.create_subprocess_shell("ls " + request.args["folder"])


def arguments():
    command = request.args["command"]
    # ruleid: python-command-arguments
    subprocess.run(command.split())
    words = []
    words.append(command)
    # ruleid: python-command-arguments
    subprocess.Popen(words)
    # ok: python-command-arguments
    subprocess.run(["git", "show", "--", command])
    # ok: python-command-arguments
    subprocess.run(["git", "status"])


def title(text: str, folder) -> None:
    # ruleid: python-shell-from-text
    os.system("title " + text)
    # ruleid: python-shell-from-text
    subprocess.call("ls %s" % folder.name, shell=True)
    # ruleid: python-shell-from-text
    os.popen(text)
    # ok: python-shell-from-text
    os.system("title " + shlex.quote(text))
    # ok: python-shell-from-text
    os.system("clear")
    # ok: python-shell-from-text
    subprocess.call(["ls", text])


def calculate() -> object:
    formula = request.get_json()["formula"]
    # ok: python-code-injection
    ast.literal_eval(formula)
    # ok: python-code-injection
    eval("1 + 1")
    # ruleid: python-code-injection
    exec("result = " + formula)
    # ruleid: python-code-injection
    return eval(formula)


def jobs(expression: str) -> object:
    # ok: python-code-from-text
    eval("2 * 3")
    # ok: python-code-from-text
    ast.literal_eval(expression)
    # ruleid: python-code-from-text
    return eval(expression)


def load():
    # ruleid: python-unsafe-import
    importlib.import_module("plugins." + request.args["plugin"])
    # ok: python-unsafe-import
    importlib.import_module("plugins.fixed")


def find_user(tree) -> None:
    name = request.args["name"]
    # ruleid: python-xpath-injection
    tree.xpath("//user[@name='" + name + "']")
    # ruleid: python-xpath-injection
    tree.find(f".//user[@name='{name}']")
    # ok: python-xpath-injection
    tree.xpath("//user[@name=$name]", name=name)
    # ok: python-xpath-injection
    tree.xpath("//user[@name='" + name.replace("'", "") + "']")
    # ok: python-xpath-injection
    name.find(request.args["part"])


def find_by(tree, name: str) -> None:
    # ruleid: python-xpath-from-text
    tree.xpath("//user[@name='%s']" % name)
    # ok: python-xpath-from-text
    tree.xpath("//user[@name=$name]", name=name)


def directory(connection) -> None:
    name = request.args["name"]
    # ruleid: python-ldap-injection
    connection.search_s("dc=example", ldap.SCOPE_SUBTREE, "(uid=" + name + ")")
    # ruleid: python-ldap-injection
    connection.search("dc=example", f"(uid={name})")
    # ok: python-ldap-injection
    connection.search_s("dc=example", ldap.SCOPE_SUBTREE, "(uid=" + escape_filter_chars(name) + ")")
    # ok: python-ldap-injection
    re.search("(uid=", name)


def directory_by(connection, name: str) -> None:
    # ruleid: python-ldap-from-text
    connection.search_s("dc=example", ldap.SCOPE_SUBTREE, "(uid=%s)" % name)
    # ok: python-ldap-from-text
    connection.search_s("dc=example", ldap.SCOPE_SUBTREE, "(uid=%s)" % ldap.filter.escape_filter_chars(name))


def documents(db) -> None:
    body = request.get_json()
    # ruleid: python-nosql-injection
    db.users.find_one({"name": body["name"], "password": body["password"]})
    # ok: python-nosql-injection
    db.users.find_one({"name": str(body["name"])})
    # ok: python-nosql-injection
    db.users.find_one({"_id": ObjectId(body["id"])})
    # ruleid: python-nosql-code
    db.users.find({"$where": "this.name == '" + request.args["name"] + "'"})
    # ok: python-nosql-code
    db.users.find({"$where": "this.age > 3"})


def page() -> str:
    name = request.args["name"]
    # ruleid: python-template-injection
    render_template_string("<p>" + name + "</p>")
    # ruleid: python-template-injection
    jinja2.Template(f"Hello {name}").render()
    # ok: python-template-injection
    return render_template_string("<p>{{ name }}</p>", name=name)


def mail(body: str) -> str:
    environment = jinja2.Environment(autoescape=True)
    # ruleid: python-template-from-text
    environment.from_string(body).render()
    # ok: python-template-from-text
    environment.from_string("Hello {{ name }}").render()
    sandbox = ImmutableSandboxedEnvironment()
    # ok: python-template-from-text
    return sandbox.from_string(body).render()


def lines(log: str) -> list[str]:
    # ruleid: python-regex-injection
    re.findall(request.args["pattern"], log)
    # ok: python-regex-injection
    re.findall(re.escape(request.args["word"]), log)
    # ok: python-regex-injection
    return re.findall("^a", request.args["word"])


# ruleid: python-slow-regex
SLOW = re.compile(r"^(\w+\s?)*$")
# ok: python-slow-regex
QUICK = re.compile(r"^[a-z]+$")
# ruleid: python-overlapping-regex
SQUARE = re.compile(r"\s*(\d+)\s*(\S+) (.*)")
# ok: python-overlapping-regex
STRAIGHT = re.compile(r"\s*(\d+)\s+(\S+) (.*)")
