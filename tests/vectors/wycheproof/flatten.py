#!/usr/bin/env python3
"""Flatten the Wycheproof JSON files to one line a test, for a reader of a few lines in C.

usage: flatten.py FOLDER        (with the JSON files of testgroups xchacha20_poly1305, ed25519, x25519)

Writes NAME.txt beside this script. A line holds the test's number, its result, its flags joined by commas, and the
byte fields in the order of FIELDS as hexadecimal, each '-' if empty. Nothing is left out and nothing is added.
"""
import json
import os
import sys

FIELDS = {
    "xchacha20_poly1305": ("key", "iv", "aad", "msg", "ct", "tag"),
    "ed25519": ("pk", "msg", "sig"),
    "x25519": ("public", "private", "shared"),
}


def flatten(name, folder):
    with open(os.path.join(folder, name + "_test.json"), encoding="utf-8") as f:
        doc = json.load(f)
    lines = ["# " + " ".join(("number", "result", "flags") + FIELDS[name])]
    for group in doc["testGroups"]:
        for test in group["tests"]:
            if "publicKey" in group:
                test["pk"] = group["publicKey"]["pk"]
            values = [test[field] or "-" for field in FIELDS[name]]
            lines.append(" ".join([str(test["tcId"]), test["result"], ",".join(test["flags"]) or "-"] + values))
    assert len(lines) == doc["numberOfTests"] + 1
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), name + ".txt"), "w", encoding="ascii") as f:
        f.write("\n".join(lines) + "\n")


for each in FIELDS:
    flatten(each, sys.argv[1])
