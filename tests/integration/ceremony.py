"""Operations of an office's people over the interface alone, by the second implementation in tests/interop: asked, signed twice, given, carried out."""
import base64
import os
import sys

from nacl.signing import SigningKey

from vaulttest import ROOT

sys.path.insert(0, os.path.join(ROOT, "tests", "interop"))
from operation import Operation, give, seal_to  # noqa: E402
from reader import context  # noqa: E402


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


def open_session(client, person, roles):
    """What a client does to log in, with whatever role keys {(role, epoch): secret} somebody has saved. The last answer: 200 has a token."""
    hello = client.call("POST", "/v1/sessions", {"principal": person.principal.hex(), "question": base64.b64encode(bytes(32)).decode()}, purpose=False)
    if hello.status != 200:
        return hello
    session, ephemeral = bytes.fromhex(hello.json["session"]), base64.b64decode(hello.json["ephemeral_key"])
    vault, entries, proof = bytes.fromhex(hello.json["vault"]), [], bytes([len(roles)])
    for (role, epoch), secret in sorted(roles.items()):
        sealed = seal_to(ephemeral, context(vault, 11, entity=session, epoch=epoch, field=role, writer=person.principal, length=32), secret)
        entries.append({"role": role, "epoch": epoch, "sealed": base64.b64encode(sealed).decode()})
        proof += role.to_bytes(2, "big") + epoch.to_bytes(4, "big") + sealed
    signature = SigningKey(person.seed).sign(b"cv1.proof".ljust(16, b"\0") + session + ephemeral + proof).signature
    return client.call("PUT", f"/v1/sessions/{session.hex()}", {"roles": entries, "signature": base64.b64encode(signature).decode()}, purpose=False)
