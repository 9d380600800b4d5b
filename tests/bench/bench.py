#!/usr/bin/python3
"""make bench: the daemon beside bare servers in the same rounds, as ratios; results/bench.json has every figure.

A answers 1,500 fixed bytes after a durable log line of 200 bytes; W does A's and the work that no field-encrypted vault can
leave out; "group" is 8 threads that hand 200-byte entries to one committing thread. Each round runs everything once in shuffled
order, those with the same number of connections together; ratios are medians over the rounds of ratios within a round. Server and
load share the machine's cores, so figures of two days or two machines do not compare; ratios of one run do.

    bench.py [--rounds 5] [--seconds 2] [--records 10000] [--rewrap 100000] [--run N | --out FILE] [--quick]
"""
import argparse
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

import bench_keys
from machine import machine, undisturbed

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
sys.path.insert(0, os.path.join(ROOT, "tests", "integration"))
from vaulttest import BUILD, Client, Vault, read_leaves, run  # noqa: E402

PURPOSE = "intake"
READ_HEADERS = ["CV-Reason: home%20visit"]
PATCH_RECORDS = 1600
BODIES = 4000
CREATES_PER_S = 12000  # more than any machine makes
WARMUP = 0.3

# (row, what, of what, floor, goal); docs/DESIGN.md explains them.
TABLE = [
    ("read 25 fields, clear, 8 connections", "read25/8", "A/8", 0.45, 0.58),
    ("read 25 fields, clear, 1 connection", "read25/1", "A/1", 0.50, 0.65),
    ("read 25 fields, clear, 64 connections", "read25/64", "A/64", 0.15, None),
    ("  the same, of W", "read25/64", "W/64", None, 0.80),
    ("read 3 fields, masked, 8 connections", "read3/8", "A/8", 0.55, 0.75),
    ("search by ID number, 8 connections", "search/8", "read25/8", 0.80, 0.95),
    ("create with 25 fields, 8 writers", "create/8", "group/8", 0.15, 0.25),
    ("  the same by the write-only application", "drop/8", "group/8", None, None),
    ("patch 3 fields, 8 writers", "patch/8", "group/8", None, None),
    ("  the same, of A", "patch/8", "A/8", None, None),
    ("refused (no such token), 8 connections", "refused/8", "S/8", 0.30, 0.50),
]


def synthetic(count, seed, first=0):
    """Files first to first + count of a seed: no number stands in two of them."""
    return run(os.path.join(BUILD, "support", "synth"), count, seed, first).stdout.splitlines()


def load(vault, lines):
    """Create one record for each line, eight connections; their ids in order."""
    ids = [None] * len(lines)
    token = vault.login("caseworker")

    def worker(first):
        client = Client(vault, token, PURPOSE)
        for i in range(first, len(lines), 8):
            answer = client.call("POST", "/v1/records", raw=b'{"fields":' + lines[i].encode() + b"}")
            if answer.status != 201:
                raise RuntimeError(f"{answer} {answer.body}")
            ids[i] = answer.json["id"]
        client.close()
    threads = [threading.Thread(target=worker, args=(n,)) for n in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    if None in ids:
        raise RuntimeError("not every record was stored")
    return ids


def blocks(names, number):
    """Names of a round in its order: those of one number of connections together, everything else shuffled."""
    rng = random.Random(number)
    groups = {}
    for name in names:
        groups.setdefault(name.split("/")[1], []).append(name)
    order = list(groups.values())
    rng.shuffle(order)
    for group in order:
        rng.shuffle(group)
    return [name for group in order for name in group]


class Server:
    """A bare server, until the end of the run."""

    def __init__(self, folder, mode, *more):
        self.socket = os.path.join(folder, mode + ".sock")
        self.process = subprocess.Popen([os.path.join(BUILD, "bench", "bench_bare"), mode, self.socket, *more], stdout=subprocess.PIPE)
        if self.process.stdout.readline() != b"ready\n":
            raise RuntimeError(f"bare server {mode} does not start")

    def stop(self):
        self.process.kill()
        self.process.wait()


class Bench:
    def __init__(self, args, folder):
        self.args, self.folder = args, folder
        self.vault = Vault(folder=folder)
        self.vault.init()
        self.vault.start()
        self.lines, self.created = synthetic(args.records, 7), 0
        lines = self.lines
        self.json_bytes = sum(len(line.encode()) for line in lines)
        self.names = list(json.loads(lines[0]))
        begin = time.monotonic()
        self.ids = load(self.vault, lines)
        print(f"loaded {len(lines)} synthetic files of {self.json_bytes // len(lines)} bytes of JSON in {time.monotonic() - begin:.1f} s")
        self.token, self.intake = self.vault.login("caseworker"), self.vault.login("intake")
        self.write_inputs(self.ids)
        self.bare(args.records)

    def bare(self, records):
        """Start the bare servers; W looks up one of so many values."""
        lmdb = self.path("lmdb")
        shutil.rmtree(lmdb, ignore_errors=True)
        os.mkdir(lmdb)
        run(os.path.join(BUILD, "bench", "bench_bare"), "fill", lmdb, records)
        self.servers = {"A": Server(self.folder, "a", self.path("a.log")), "W": Server(self.folder, "w", self.path("w.log"), lmdb),
                        "S": Server(self.folder, "s")}

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, lines):
        with open(self.path(name), "w", encoding="utf-8") as f:
            f.writelines(line + "\n" for line in lines)

    def write_inputs(self, ids):
        names = ",".join(self.names)
        self.write("bare", ["GET /x"])
        self.write("read25", [f"GET /v1/records/{i}?fields={names}&view=clear" for i in ids])
        self.write("read3", [f"GET /v1/records/{i}?fields=name,id_no,phone" for i in ids])
        self.write("refused", [f"GET /v1/records/{i}?fields=name" for i in ids[:100]])
        self.write("search", ["POST /v1/records:search\t" + json.dumps({"index": "id_no", "equals": json.loads(line)["id_no"]}) for line in self.lines])
        bodies = [json.loads(line) for line in synthetic(BODIES, 9)]
        self.write("bodies", [json.dumps({"fields": {k: b[k] for k in ("phone", "address", "guardian_phone")}}, ensure_ascii=False) for b in bodies])
        client = Client(self.vault, self.token, PURPOSE)
        chosen = random.Random(3).sample(ids, min(PATCH_RECORDS, len(ids)))
        self.write("records", [f"{i}\t{client.read(i, ['phone', 'guardian_phone']).etag}" for i in chosen])
        client.close()

    def write_creates(self):
        """Children that are new to the vault: a number that stands in a file already would be refused, or put aside."""
        n = int(CREATES_PER_S * (self.args.seconds + WARMUP))
        self.write("create", ["POST /v1/records\t" + '{"fields":' + line + "}" for line in synthetic(n, 8, self.created)])
        self.created += n

    def generate(self, socket, connections, *args, check=True, warmup=WARMUP):
        command = [os.path.join(BUILD, "bench", "bench_load"), "--socket", socket, "--connections", connections, "--seconds", self.args.seconds,
                   "--warmup", warmup, *args]
        result = run(*command, check=False)
        if result.returncode != 0 and check:
            raise RuntimeError(result.stderr + result.stdout)
        return json.loads(result.stdout)

    def cpu(self):
        """Seconds of processor time of core and of all fronts so far."""
        ticks = os.sysconf("SC_CLK_TCK")
        used = {}
        for pid in self.vault.pids():
            with open(f"/proc/{pid}/stat") as f:
                fields = f.read().rsplit(")", 1)[1].split()
            used[pid] = (int(fields[11]) + int(fields[12])) / ticks
        return used

    def daemon(self, connections, requests, token, headers=(), **more):
        before = self.cpu()
        args = ["--header", f"Authorization: Bearer {token}", "--header", f"CV-Purpose: {PURPOSE}"]
        for header in headers:
            args += ["--header", header]
        if requests == "patch":
            args += ["--records", self.path("records"), "--bodies", self.path("bodies")]
        else:
            args += ["--requests", self.path(requests)]
        result = self.generate(self.vault.socket, connections, *args, **more)
        after = self.cpu()
        # The warm-up's share of the time is in it as well: seconds of processor time over all answers of the run.
        whole = result["answered"] * (self.args.seconds + more.get("warmup", WARMUP)) / self.args.seconds
        costs = sorted(((after[p] - before.get(p, 0)) / whole * 1e6 for p in after), reverse=True)
        result["cpu_us"] = {"core": round(costs[0], 1), "fronts": round(sum(costs[1:]), 1)} if whole else {}
        return result

    def measure(self, name):
        what, connections = name.split("/")
        if what in self.servers:
            return self.generate(self.servers[what].socket, connections, "--requests", self.path("bare"))
        if what == "group":
            return json.loads(run(os.path.join(BUILD, "bench", "bench_bare"), "group", self.path("group.log"), connections, self.args.seconds).stdout)
        if what == "read25":
            return self.daemon(connections, "read25", self.token, READ_HEADERS)
        if what == "refused":
            return self.daemon(connections, "refused", "A" * 43, check=False)
        if what in ("create", "drop"):
            self.write_creates()
        if what == "drop":
            return self.daemon(connections, "create", self.intake)
        return self.daemon(connections, what, self.token)

    def rounds(self):
        """What is divided by one another is measured within half a minute: a round takes its numbers of connections one after the other."""
        names = sorted({n for row in TABLE for n in row[1:3]} | {"W/1", "W/8"})
        results = {name: [] for name in names}
        for number in range(self.args.rounds):
            for name in blocks(names, number):
                # Pages that the one before left to be written shall not lengthen the syncs of this one.
                run("sync", "-f", self.folder)
                results[name].append(undisturbed(self.measure, name))
            print(f"round {number + 1} of {self.args.rounds}, load average {os.getloadavg()[0]:.1f}", flush=True)
        return results

    def sizes(self):
        """What is stored for a record, without the empty journal files; what core holds."""
        def size(*parts):
            path = os.path.join(self.vault.dir, *parts)
            return sum(os.stat(os.path.join(r, f)).st_blocks * 512 for r, _, files in os.walk(path) for f in files)
        with open(f"/proc/{max(self.vault.pids(), key=lambda p: self.cpu().get(p, 0))}/status") as f:
            memory = {line.split(":")[0]: int(line.split()[1]) for line in f if line.startswith(("RssAnon", "VmLck", "VmRSS"))}
        return {"store_bytes": size("store"), "log_bytes": size("log"), "core_rss_anon_kib": memory["RssAnon"], "core_locked_kib": memory["VmLck"]}

    def imports(self):
        """One import of many files by the tool, as the application that hands files in: parsing, checks, answers and all."""
        path, n = self.path("import.ndjson"), self.args.imports
        self.write("import.ndjson", ['{"fields":' + line + "}" for line in synthetic(n, 11)])
        before, begin = self.cpu(), time.monotonic()
        subprocess.run([os.path.join(BUILD, "childvault"), "import", path], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                       env={**os.environ, "CHILDVAULT_SOCKET": self.vault.socket, "CHILDVAULT_TOKEN": self.vault.login("intake")})
        seconds = time.monotonic() - begin
        used = sorted((after - before.get(pid, 0)) / n * 1e6 for pid, after in self.cpu().items())
        return {"import_records": n, "import_per_s": round(n / seconds), "import_core_us": round(used[-1], 1), "import_fronts_us": round(sum(used[:-1]), 1)}

    def others(self):
        """Start and verification, once."""
        self.vault.stop()
        begin = time.monotonic()
        self.vault.start()
        started = time.monotonic() - begin
        leaves = len(read_leaves(os.path.join(self.vault.dir, "log")))
        begin = time.monotonic()
        run(os.path.join(BUILD, "childvault-audit"), "verify", os.path.join(self.vault.dir, "log"))
        verified = time.monotonic() - begin
        return {"first_answer_s": round(started, 3), "leaves": leaves, "verified_leaves_per_s": round(leaves / verified)}

    def close(self):
        for server in getattr(self, "servers", {}).values():
            server.stop()


def result_path(name, args):
    """Where a run's figures go: results/NAME.json, or one of several runs that the page reads together. A quick one's are for nobody."""
    path = args.out or (os.path.join(BUILD, f"{name}-quick.json") if args.quick else
                        os.path.join(ROOT, "results", f"{name}.json" if args.run is None else f"{name}-{args.run}.json"))
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    return path


def judge(ratio, floor, goal):
    if goal is not None and ratio >= goal:
        return "goal met"
    if floor is not None:
        return "floor met" if ratio >= floor else "BELOW FLOOR"
    return "below goal" if goal is not None else ""


def report(results):
    print(f"\n{'':44}{'per second':>11}{'p50 us':>9}{'p99 us':>9}{'limit':>10}{'ratio':>8}{'floor':>7}{'goal':>6}")
    rows = []
    for title, what, of, floor, goal in TABLE:
        rates, limits = ([r["per_second"] for r in results[n]] for n in (what, of))
        ratio = statistics.median(a / b for a, b in zip(rates, limits))
        p50, p99 = (statistics.median(r.get(k, 0) for r in results[what]) for k in ("p50_us", "p99_us"))
        verdict = judge(ratio, floor, goal)
        print(f"{title:44}{statistics.median(rates):11,.0f}{p50:9,.0f}{p99:9,.0f}{statistics.median(limits):10,.0f}{ratio:8.2f}"
              f"{'' if floor is None else format(floor, '7.2f'):>7}{'' if goal is None else format(goal, '6.2f'):>6}  {of} {verdict}")
        rows.append({"row": title.strip(), "what": what, "of": of, "ratio": round(ratio, 3), "floor": floor, "goal": goal, "verdict": verdict,
                     "ratios": [round(a / b, 3) for a, b in zip(rates, limits)]})
    p99 = statistics.median(r["p99_us"] for r in results["read25/8"]) / statistics.median(r["p99_us"] for r in results["A/8"])
    print(f"\nread 25 fields at 8 connections: p99 is {p99:.1f} x A's (goal 2); W gives {statistics.median(r['per_second'] for r in results['W/8']):,.0f}/s")
    for name in ("read25/1", "read25/8", "read25/64", "read3/8", "search/8", "create/8", "drop/8", "patch/8"):
        cost = {k: statistics.median(r["cpu_us"][k] for r in results[name]) for k in ("core", "fronts")}
        print(f"processor time of {name:10} core {cost['core']:6.1f} us, fronts {cost['fronts']:6.1f} us a request")
    print("patch: its floor is PostgreSQL's audited update, which make bench-peers measures")
    return rows


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--records", type=int, default=10000)
    parser.add_argument("--imports", type=int, default=100000, help="files of the one import")
    parser.add_argument("--rewrap", type=int, default=100000, help="records of the vault that is re-wrapped (make bench-rewrap: a million)")
    parser.add_argument("--run", type=int, help="number of one of several runs")
    parser.add_argument("--out")
    parser.add_argument("--quick", action="store_true", help="one short round, to see that it works")
    args = parser.parse_args()
    if args.quick:
        args.rounds, args.seconds, args.records, args.imports, args.rewrap = 1, 0.5, 2000, 2000, 4000
    before, folder = os.getloadavg(), tempfile.mkdtemp(prefix="cvb.", dir="/var/tmp")
    bench = None
    try:
        bench = Bench(args, folder)
        at_load = bench.sizes()
        results = bench.rounds()
        rows = report(results)
        others = {**undisturbed(bench.imports), **undisturbed(bench.others), **bench_keys.measure(args.rewrap), "stored_per_json": round(at_load["store_bytes"] / bench.json_bytes, 2), **at_load}
        print(f"stored {others['stored_per_json']} x the JSON text (floor 6, goal 4.5); first answer after a start {others['first_answer_s']} s "
              f"(floor 1); {others['verified_leaves_per_s']:,} leaves/s verified (floor 200,000)")
        print(f"import of {others['import_records']:,} files: {others['import_per_s']:,}/s (floor 5,000, goal 10,000); processor time core "
              f"{others['import_core_us']} us, fronts {others['import_fronts_us']} us a file")
        bench_keys.report(others)
        print(f"core: {others['core_rss_anon_kib'] / 1024:.0f} MiB anonymous memory (floor 128), {others['core_locked_kib']} KiB locked")
        out = result_path("bench", args)
        with open(out, "w", encoding="utf-8") as f:
            json.dump({**machine(), "load_average_before": before, "rounds": args.rounds, "seconds": args.seconds, "records": args.records,
                       "rows": rows, "others": others, "results": results}, f, indent=1)
        print(f"load average {os.getloadavg()[0]:.1f}; every figure stands in {os.path.relpath(out)}")
    finally:
        if bench is not None:
            bench.close()
            bench.vault.remove()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
