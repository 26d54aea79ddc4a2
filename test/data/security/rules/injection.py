"""Marked lines for rules/injection.yaml: `ruleid:` above a line that must be found, `ok:` above one that must not."""
# ruff: noqa

import ast
import os
import shlex
import sqlite3
import subprocess

from flask import request


def orders(cursor: sqlite3.Cursor) -> None:
    name = request.args["name"]
    # ruleid: python-sql-injection
    cursor.execute("SELECT * FROM orders WHERE name = '" + name + "'")
    # ruleid: python-sql-injection
    cursor.execute(f"SELECT * FROM orders WHERE name = '{name}'")
    statement = "SELECT * FROM orders WHERE name = '%s'" % name
    # ruleid: python-sql-injection
    cursor.execute(statement)
    # ok: python-sql-injection
    cursor.execute("SELECT * FROM orders WHERE name = ?", (name,))
    number = int(request.args["number"])
    # ok: python-sql-injection
    cursor.execute(f"SELECT * FROM orders WHERE id = {number}")
    table = "orders"
    # ok: python-sql-injection
    cursor.execute(f"SELECT * FROM {table}")


def archive() -> None:
    folder = request.form.get("folder")
    # ruleid: python-command-injection
    os.system("tar cf out.tar " + folder)
    # ruleid: python-command-injection
    subprocess.run(f"ls {folder}", shell=True, check=True)
    # ok: python-command-injection
    subprocess.run(["ls", folder], check=True)
    # ok: python-command-injection
    os.system("ls " + shlex.quote(folder))
    # ok: python-command-injection
    os.system("ls /srv")


def calculate() -> object:
    formula = request.get_json()["formula"]
    # ok: python-code-injection
    ast.literal_eval(formula)
    # ok: python-code-injection
    eval("1 + 1")
    # ruleid: python-code-injection
    return eval(formula)
