"""Operations of an office's people over the interface alone, by the second implementation in tests/interop: asked, signed twice, given, carried out."""
import base64
import os
import sys

from vaulttest import ROOT

sys.path.insert(0, os.path.join(ROOT, "tests", "interop"))
from operation import Operation, give  # noqa: E402


class Refusal(RuntimeError):
    pass


def good(answer):
    if answer.status not in (200, 201):
        raise Refusal(f"{answer.status} {answer.kind} {answer.body.decode(errors='replace')}")
    return answer.json


class Ceremony:
    """One request. clients: a client by login name; people: a Person by login name."""

    def __init__(self, clients, people, asker, body):
        self.clients, self.people = clients, people
        self.answer = good(clients(asker).call("POST", "/v1/requests", body))
        self.id = self.answer["id"]
        self.operation = Operation(base64.b64decode(self.answer["document"]))
        self.step(asker, "sign", self.signature(asker))

    def signature(self, name):
        return {"signature": base64.b64encode(self.operation.sign(self.people(name).seed)).decode()}

    def step(self, name, what, body=None):
        self.answer = good(self.clients(name).call("POST", f"/v1/requests/{self.id}:{what}", body or {}))
        return self.answer

    def approve(self, name):
        return self.step(name, "approve", self.signature(name))

    def give(self, name):
        opened = self.step(name, "open")
        sealed = give(self.people(name), self.operation.vault, bytes.fromhex(self.id), bytes.fromhex(opened["ceremony"]), base64.b64decode(opened["shares"]))
        return self.step(name, "give", {"shares": base64.b64encode(sealed).decode()})

    def done(self, second, *custodians):
        """Through to its end; whether it was carried out."""
        self.approve(second)
        for name in custodians:
            self.give(name)
        return self.answer["state"] == "approved"
