#!/usr/bin/python3
"""Rekey and re-wrap: how long people wait for new keys, and what a vault's readers notice while every data key is wrapped anew.

Part of `make bench`; by itself it is `make bench-rewrap`, with a vault of a million records.

The rekey is of a role with 500 members: from the last custodian's shares to the answer, and no byte of any record changes. The re-wrap is of every
class of a vault made for it, beside 8 connections that read 25 fields each; its rate is that of the whole job, with the count that proves it.
"""
import argparse
import itertools
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import lmdb

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
sys.path.insert(0, os.path.join(ROOT, "tests", "integration"))
from machine import undisturbed  # noqa: E402
from hands import Hands  # noqa: E402
from office import CLI, ENV, Office  # noqa: E402
from vaulttest import BUILD, Vault, run, wait_until  # noqa: E402

MEMBERS = 500
READS = 20000	# records that are read, of all
IMPORT = 200000	# files of one import
CUSTODIANS = ("custodian-a", "custodian-b")


def stored(vault, *tables):
    """Every row of some tables of a stopped vault, in order."""
    env = lmdb.open(os.path.join(vault.dir, "store"), readonly=True, lock=False, max_dbs=8, map_size=1 << 40)
    try:
        with env.begin() as txn:
            for table in tables:
                for key, value in txn.cursor(env.open_db(table.encode(), txn=txn)):
                    yield key, value
    finally:
        env.close()


def fill(vault, key, records, seed):
    """Import synthetic files, some hundred thousand at a time."""
    path = os.path.join(vault.parent, "files.ndjson")
    with subprocess.Popen([os.path.join(BUILD, "support", "synth"), str(records), str(seed)], stdout=subprocess.PIPE, text=True) as synth:
        while lines := list(itertools.islice(synth.stdout, IMPORT)):
            with open(path, "w", encoding="utf-8") as f:
                f.writelines('{"fields":' + line.rstrip("\n") + "}\n" for line in lines)
            subprocess.run([CLI, "import", path], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                           env={**ENV, "CHILDVAULT_SOCKET": vault.socket, "CHILDVAULT_KEY": key})
            os.unlink(path)


# ---- a role of 500 members ---------------------------------------------------------------------------------------------------------

class Crowd(Office):
    """An office of which so many more are caseworkers."""

    def __init__(self, members):
        super().__init__()
        self.crowd = [f"worker-{i}" for i in range(members)]

    def keygen(self):
        super().keygen()
        for name in self.crowd:
            run(CLI, "keygen", name, "--out", self.keys, "--no-passphrase", env=ENV)

    def people(self):
        return super().people() + [a for name in self.crowd for a in ("--member", self.pub(name) + "=caseworker")]


def rekey(members=MEMBERS, records=1000):
    office = Crowd(members - 1).ready()
    try:
        fill(office, office.key("intake"), records, 5)
        office.stop()
        before = list(stored(office, "rec", "hist", "map"))
        office.start_sealed()
        if office.unseal().returncode != 0:
            raise RuntimeError(office.log_tail())
        hands = Hands(office)
        request = hands.signed("rekey", roles=["caseworker"])
        seconds, answer = hands.give(request)
        if answer["state"] != "approved":
            raise RuntimeError(str(answer))
        begin = time.monotonic()
        office.login("worker-7")
        login = time.monotonic() - begin
        office.stop()
        same = list(stored(office, "rec", "hist", "map")) == before
        return {"rekey_members": members, "rekey_s": round(seconds, 3), "rekey_then_login_s": round(login, 3), "rekey_changed_no_record": same}
    finally:
        office.remove()


# ---- a re-wrap beside readers ---------------------------------------------------------------------------------------------------------

class Readers:
    """Eight connections that read 25 fields, second by second."""

    def __init__(self, vault, ids):
        self.vault, self.path = vault, os.path.join(vault.parent, "reads")
        names = ",".join(json.loads(run(os.path.join(BUILD, "support", "synth"), 1, 7).stdout))
        with open(self.path, "w", encoding="utf-8") as f:
            f.writelines(f"GET /v1/records/{i}?fields={names}&view=clear\n" for i in ids)
        self.rates, self.stop, self.thread = [], False, None
        self.token = vault.login("caseworker")

    def rate(self, seconds):
        command = [os.path.join(BUILD, "bench", "bench_load"), "--socket", self.vault.socket, "--connections", 8, "--seconds", seconds, "--warmup", "0.1",
                   "--header", f"Authorization: Bearer {self.token}", "--header", "CV-Purpose: intake", "--header", "CV-Reason: home%20visit",
                   "--requests", self.path]
        result = json.loads(run(*command).stdout)
        if result["not_2xx"]:
            raise RuntimeError(f"reads were refused: {result}")
        return result

    def begin(self):
        def on():
            while not self.stop:
                begin = time.monotonic()
                result = self.rate(1)
                self.rates.append((begin, time.monotonic(), result))
        self.thread = threading.Thread(target=on)
        self.thread.start()

    def end(self, before, after):
        """What was measured within two moments."""
        self.stop = True
        self.thread.join()
        return [r for begin, end, r in self.rates if begin >= before and end <= after] or [r for _, _, r in self.rates[:1]]


def rewrap(records, folder=None):
    folder = folder or tempfile.mkdtemp(prefix="cvr.", dir="/var/tmp")
    vault = Vault(folder=folder)
    try:
        vault.init()
        vault.start()
        fill(vault, vault.key("caseworker"), records, 7)
        vault.stop()
        ids = [key.hex() for key, _ in stored(vault, "map")]
        vault.start()
        hands = Hands(vault)
        roles = sorted(k["key"][5:] for k in hands.must("admin-a", "GET", "/v1/keys?limit=1000")["keys"] if k["key"].startswith("role "))
        hands.give(hands.signed("rekey", roles=roles), *CUSTODIANS)
        # The work list is filled first, and what is read is warm.
        readers = Readers(vault, random.Random(1).sample(ids, min(READS, len(ids))))
        client = vault.client("clerk")
        wait_until(lambda: client.call("GET", "/v1/records?limit=1").status != 503, "the work list is not filled", 120)
        readers.rate(2)
        alone = statistics.median(readers.rate(2)["per_second"] for _ in range(3))
        request = hands.signed("rewrap")
        hands.give(request, CUSTODIANS[0])
        readers.begin()
        begin = time.monotonic()
        hands.give(request, CUSTODIANS[1])
        while (job := hands.must("admin-a", "GET", f"/v1/jobs/{request}"))["state"] == "running":
            time.sleep(0.05)
        seconds = time.monotonic() - begin
        beside = readers.end(begin, begin + seconds)
        metrics = hands.call("admin-a", "GET", "/v1/sys/metrics").body.decode().splitlines()
        old = next(int(line.split()[1]) for line in metrics if line.startswith("childvault_rewrap_old_epochs "))
        if job["state"] != "done" or old != 0:
            raise RuntimeError(str(job))
        rate = statistics.mean(r["per_second"] for r in beside)
        return {"rewrap_records": job["changed"], "rewrap_wraps": job["wraps"], "rewrap_s": round(seconds, 2),
                "rewrap_per_s": round(job["changed"] / seconds), "rewrap_reads_before": round(alone), "rewrap_reads_beside": round(rate),
                "rewrap_reads_ratio": round(rate / alone, 3), "rewrap_p99_us": statistics.median(r["p99_us"] for r in beside)}
    finally:
        vault.remove()
        shutil.rmtree(folder, ignore_errors=True)


def report(r):
    print(f"rekey of a role of {r['rekey_members']} members: {r['rekey_s']} s (floor 1, goal 0.2); "
          f"{'no byte of a record changed' if r['rekey_changed_no_record'] else 'RECORDS CHANGED'}")
    million = 1e6 / r["rewrap_per_s"]
    print(f"re-wrap of {r['rewrap_records']:,} records, {r['rewrap_wraps']:,} wraps: {r['rewrap_per_s']:,} records/s, a million in {million:.0f} s "
          f"(floor 60, goal 20); readers meanwhile {r['rewrap_reads_beside']:,}/s of {r['rewrap_reads_before']:,}/s, ratio "
          f"{r['rewrap_reads_ratio']:.2f} (floor 0.5), p99 {r['rewrap_p99_us'] / 1000:.1f} ms")


def measure(records, members=MEMBERS):
    return {**undisturbed(rekey, members), **undisturbed(rewrap, records)}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--records", type=int, default=1000000)
    parser.add_argument("--members", type=int, default=MEMBERS)
    parser.add_argument("--out", default=os.path.join(ROOT, "results", "bench-rewrap.json"))
    args = parser.parse_args()
    found = measure(args.records, args.members)
    report(found)
    os.makedirs(os.path.dirname(args.out), exist_ok=True)
    with open(args.out, "w", encoding="utf-8") as f:
        json.dump({"time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "cores": os.cpu_count(), "load_average": os.getloadavg(), **found}, f,
                  indent=1)


if __name__ == "__main__":
    main()
