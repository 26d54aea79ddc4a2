"""Marked lines for rules/data.yaml: `ruleid:` above a line that must be found, `ok:` above one that must not."""
# ruff: noqa

import json
import os
import pickle
import tarfile
import xml.etree.ElementTree as ET
import xml.sax

# ruleid: python-xmlrpc-entities
import xmlrpc.client
import zipfile

import yaml
from flask import request
from lxml import etree
from werkzeug.utils import secure_filename


def receive():
    # ruleid: python-deserialization-of-request
    pickle.loads(request.data)
    # ruleid: python-deserialization-of-request
    yaml.load(request.get_data(), Loader=yaml.Loader)
    # ok: python-deserialization-of-request
    yaml.safe_load(request.data)
    # ok: python-deserialization-of-request
    return json.loads(request.data)


def load(data: bytes):
    # ok: python-unsafe-yaml
    yaml.safe_load(data)
    # ok: python-unsafe-yaml
    yaml.load(data, Loader=yaml.SafeLoader)
    # ruleid: python-unsafe-yaml
    yaml.load(data)
    # ruleid: python-unsafe-yaml
    yaml.load(data, Loader=yaml.Loader)
    # ok: python-unsafe-deserialization
    json.loads(data)
    # ok: python-unsafe-deserialization
    pickle.loads(pickle.dumps([1]))
    # ruleid: python-unsafe-deserialization
    return pickle.loads(data)


def documents(text: bytes):
    parser = xml.sax.make_parser()
    # ruleid: python-xml-external-entities
    parser.setFeature(xml.sax.handler.feature_external_ges, True)
    # ok: python-xml-external-entities
    parser.setFeature(xml.sax.handler.feature_external_ges, False)
    # ruleid: python-xml-external-entities
    etree.XMLParser(resolve_entities=True)
    # ok: python-xml-external-entities, python-xml-default-parser
    closed = etree.XMLParser(resolve_entities=False)
    # ruleid: python-xml-default-parser
    etree.XMLParser(remove_blank_text=True)
    # ruleid: python-xml-default-parser
    etree.fromstring(text)
    # ok: python-xml-default-parser
    etree.fromstring(text, closed)
    # ruleid: python-xml-entity-growth
    ET.fromstring(text)
    # ok: python-xml-entity-growth
    ET.fromstring("<a/>")


def sent_document():
    # ruleid: python-xml-of-request
    etree.fromstring(request.data)
    # ok: python-xml-of-request
    etree.fromstring(request.data, parser=etree.XMLParser(resolve_entities=False))


def unpack(path, folder):
    with tarfile.open(path) as tar:
        # ruleid: python-archive-extraction
        tar.extractall(folder)
    with tarfile.open(path) as tar:
        # ok: python-archive-extraction
        tar.extractall(folder, filter="data")
    with zipfile.ZipFile(path) as archive:
        # ok: python-archive-extraction
        archive.extractall(folder)


def unpack_by_hand(path, folder):
    archive = zipfile.ZipFile(path)
    for name in archive.namelist():
        # ruleid: python-archive-member-path
        with open(os.path.join(folder, name), "wb") as file:
            file.write(archive.read(name))
        # ok: python-archive-member-path
        with open(os.path.join(folder, os.path.basename(name)), "wb") as file:
            file.write(archive.read(name))


def upload(folder):
    file = request.files["file"]
    # ruleid: python-upload-name
    file.save(os.path.join(folder, file.filename))
    # ok: python-upload-name
    file.save(os.path.join(folder, secure_filename(file.filename)))


def renamed():
    # ok: python-xmlrpc-entities
    import xml.dom.minidom

    return xml.dom.minidom
