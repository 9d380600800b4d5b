#!/usr/bin/python3
"""make bench-peers: the daemon beside PostgreSQL and slapd on the same audited work; results/bench-peers.json has every figure.

Both peers hold the daemon's synthetic files and run on Unix sockets in a temporary folder, under a user who is not root.

PostgreSQL: each of the 25 columns is sealed with pgcrypto's encrypt(.., 'aes-cbc'); one prepared statement, so one transaction and
one round trip, inserts the audit row and decrypts or changes the record. That is its best case: begin, insert, select and commit
one by one cost it a third more, and pgp_sym_encrypt thirty times as much. synchronous_commit and fsync are on.
slapd: an entry of 25 attributes in mdb with a rule for each attribute; the accesslog overlay writes every search and change into a
second mdb database. Neither database has its syncs turned off. It encrypts nothing.

The load on each peer comes from one thread, as the daemon's does, through the peer's own client library. Each round runs everything
once in shuffled order; ratios are medians over the rounds of ratios within a round.

    bench_peers.py [--rounds 5] [--seconds 2] [--records 10000] [--run N | --out FILE] [--quick]
"""
import argparse
import glob
import json
import os
import pwd
import random
import secrets
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import uuid

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from bench import Bench, blocks, result_path, synthetic  # noqa: E402
from machine import machine, undisturbed  # noqa: E402
from vaulttest import BUILD, run  # noqa: E402

CONNECTIONS = (1, 8, 64)
CHANGED = ("phone", "address", "guardian_phone")
PASSES = 5
START_S = 30
# (work, row of the daemon, row of a peer without its name)
WORK = [("audited read of 25 fields", "read25", "read"), ("durable update of 3 fields", "patch", "update")]
PEERS = ("postgres", "slapd")

POSTGRES_CONF = """
listen_addresses = ''
unix_socket_directories = '{folder}'
max_connections = 100
shared_buffers = 256MB
fsync = on
synchronous_commit = on
min_wal_size = 1GB
max_wal_size = 4GB
jit = off
"""

SLAPD_CONF = """
include /etc/ldap/schema/core.schema
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload accesslog
pidfile {folder}/pid
argsfile {folder}/args
{schema}
database mdb
suffix cn=log
directory {folder}/log
maxsize 4294967296
index reqStart eq
access to * by * none

database mdb
suffix dc=vault
directory {folder}/data
maxsize 4294967296
index objectClass eq
index cvIdNo eq
overlay accesslog
logdb cn=log
logops reads writes
logsuccess TRUE
access to attrs=userPassword by anonymous auth by * none
{rules}
access to * by dn.exact="{worker}" read by * none
"""
WORKER = "cn=worker,dc=vault"


def texts(line):
    """A synthetic file's fields as text."""
    return {k: v if isinstance(v, str) else json.dumps(v, ensure_ascii=False) for k, v in json.loads(line).items()}


class Peer:
    """A server of its own user in a folder of its own, until stop()."""

    def __init__(self, bench, name, user):
        self.bench, self.name, self.process = bench, name, None
        self.user = {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []} if os.getuid() == 0 else {}
        self.folder = os.path.join(bench.folder, name)
        os.mkdir(self.folder, 0o700)
        self.answered = 0
        self.secret = bench.path(name + ".secret")
        with open(os.open(self.secret, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as f:
            f.write(self.key())

    def key(self):
        return secrets.token_hex(24)

    def own(self):
        """Hand the folder and what is in it to the server's user."""
        if self.user:
            run("chown", "-R", self.user["user"], self.folder)

    def command(self, *args, **more):
        """Run a program as the server's user."""
        done = subprocess.run(args, capture_output=True, text=True, cwd=self.folder, env=self.environment(), **self.user, **more)
        if done.returncode != 0:
            raise RuntimeError(f"{args[0]} ended with {done.returncode}: {done.stderr[-2000:]}")
        return done.stdout

    def environment(self):
        return {"PATH": os.environ["PATH"], "HOME": self.folder, "LC_ALL": "C.UTF-8", "TZ": "UTC"}

    def launch(self, path, *args):
        """Start the server and wait until its socket answers."""
        with open(os.path.join(self.bench.folder, self.name + ".log"), "ab") as log:
            # Its own session: a Ctrl-C of the terminal reaches the bench alone, which then stops it in order.
            self.process = subprocess.Popen(args, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder, env=self.environment(),
                                            start_new_session=True, **self.user)
        deadline = time.monotonic() + START_S
        while not self.reachable(path):
            if self.process.poll() is not None or time.monotonic() > deadline:
                with open(os.path.join(self.bench.folder, self.name + ".log"), encoding="utf-8", errors="replace") as log:
                    raise RuntimeError(f"{self.name} does not start:\n{log.read()[-2000:]}")
            time.sleep(0.05)

    @staticmethod
    def reachable(path):
        with socket.socket(socket.AF_UNIX) as s:
            return s.connect_ex(path) == 0

    def stop(self):
        if self.process is None:
            return
        for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            self.process.send_signal(number)
            try:
                self.process.wait(20)
                break
            except subprocess.TimeoutExpired:
                continue
        self.process = None

    def generate(self, work, connections, *args):
        result = subprocess.run([os.path.join(BUILD, "peers", "peers_load"), *args, "--lines", self.bench.path(f"{self.name}.{work}"), "--secret",
                                 self.secret, "--connections", str(connections), "--seconds", str(self.bench.args.seconds), "--warmup", "0.3"],
                                capture_output=True, text=True, env={**os.environ, "LDAPNOINIT": "1"})
        if result.returncode != 0:
            raise RuntimeError(f"{self.name}: {result.stderr}{result.stdout}")
        result = json.loads(result.stdout)
        self.answered += result["all"]
        return result


class Postgres(Peer):
    def __init__(self, bench, files):
        super().__init__(bench, "postgres", "postgres")
        self.names = list(files[0][1])
        self.binaries = max(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda p: int(p.split("/")[4]))
        self.info = f"host={self.folder} user=bench dbname=postgres"
        self.version = run(os.path.join(self.binaries, "postgres"), "--version").stdout.strip()
        self.own()
        data = os.path.join(self.folder, "data")
        self.command(os.path.join(self.binaries, "initdb"), "-D", data, "-U", "bench", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8")
        with open(os.path.join(data, "postgresql.auto.conf"), "a", encoding="utf-8") as f:
            f.write(POSTGRES_CONF.format(folder=self.folder))
        self.launch(os.path.join(self.folder, ".s.PGSQL.5432"), os.path.join(self.binaries, "postgres"), "-D", data)
        deadline = time.monotonic() + START_S
        while subprocess.run([os.path.join(self.binaries, "pg_isready"), "-q", "-h", self.folder], check=False).returncode != 0:
            if time.monotonic() > deadline:
                raise RuntimeError("PostgreSQL does not become ready")
            time.sleep(0.05)
        self.load(files)
        self.statements()

    def key(self):
        return "\\x" + secrets.token_hex(32)

    def sql(self, text):
        return self.command(os.path.join(self.binaries, "psql"), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", self.info, input=text)

    def load(self, files):
        with open(self.secret, encoding="ascii") as f:
            key = f"'{f.read()}'::bytea"

        def escape(text):
            return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n")
        rows = "".join("\t".join([i] + [escape(fields[n]) for n in self.names]) + "\n" for i, fields in files)
        sealed = ", ".join(f"encrypt(convert_to({n}, 'UTF8'), {key}, 'aes-cbc')" for n in self.names)
        self.sql(f"""
CREATE EXTENSION pgcrypto;
CREATE TABLE record (id uuid PRIMARY KEY, version bigint NOT NULL, id_no_tag bytea UNIQUE, {", ".join(n + " bytea" for n in self.names)});
CREATE TABLE audit (n bigserial PRIMARY KEY, at timestamptz NOT NULL DEFAULT clock_timestamp(), actor text NOT NULL, role text NOT NULL,
    purpose text NOT NULL, reason text, action text NOT NULL, record uuid NOT NULL, fields text NOT NULL);
CREATE TEMP TABLE plain (id uuid, {", ".join(n + " text" for n in self.names)});
COPY plain FROM STDIN;
{rows}\\.
INSERT INTO record SELECT id, 1, hmac(convert_to(id_no, 'UTF8'), {key}, 'sha256'), {sealed} FROM plain;
VACUUM ANALYZE record;
CHECKPOINT;
""")

    def statements(self):
        def entry(action, fields):
            return ("WITH entry AS (INSERT INTO audit (actor, role, purpose, reason, action, record, fields) VALUES ('caseworker', 'caseworker', "
                    f"'intake', 'home visit', '{action}', $1::uuid, '{','.join(fields)}'))\n")
        opened = ", ".join(f"convert_from(decrypt({n}, $2::bytea, 'aes-cbc'), 'UTF8') AS {n}" for n in self.names)
        last = len(CHANGED) + 2
        sealed = ", ".join(f"{n} = encrypt(convert_to(${i}, 'UTF8'), ${last}::bytea, 'aes-cbc')" for i, n in enumerate(CHANGED, 2))
        for work, text in (("read", entry("read", self.names) + f"SELECT {opened} FROM record WHERE id = $1::uuid"),
                           ("update", entry("update", CHANGED) + f"UPDATE record SET version = version + 1, {sealed} WHERE id = $1::uuid")):
            with open(self.bench.path(f"postgres.{work}.sql"), "w", encoding="utf-8") as f:
                f.write(text)

    def lines(self, reads, updates):
        self.bench.write("postgres.read", reads)
        self.bench.write("postgres.update", ["\t".join([i, *(fields[n] for n in CHANGED)]) for i, fields in updates])

    def measure(self, work, connections):
        return self.generate(work, connections, "postgres", self.info, "--statement", self.bench.path(f"postgres.{work}.sql"))

    def audited(self):
        return int(self.sql("SELECT count(*) FROM audit;"))


class Slapd(Peer):
    def __init__(self, bench, files):
        super().__init__(bench, "slapd", "openldap")
        self.names = list(files[0][1])
        self.version = "slapd " + run("dpkg-query", "-W", "-f=${Version}", "slapd").stdout
        for part in ("log", "data"):
            os.mkdir(os.path.join(self.folder, part))
        # A copy, since Debian's AppArmor profile lets the one in /usr/sbin write to the system's folders only.
        self.binary = shutil.copy("/usr/sbin/slapd", self.folder)
        self.conf = os.path.join(self.folder, "slapd.conf")
        attributes = [self.attribute(n) for n in self.names]
        syntax = "EQUALITY caseExactMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE"
        schema = "\n".join(f"attributetype ( 1.3.6.1.4.1.4203.666.11.99.{i} NAME '{a}' {syntax} )" for i, a in enumerate(attributes, 1))
        schema += f"\nobjectclass ( 1.3.6.1.4.1.4203.666.11.98.1 NAME 'cvFile' STRUCTURAL MUST uid MAY ( {' $ '.join(attributes)} ) )\n"
        rules = "\n".join(f'access to attrs={a} by dn.exact="{WORKER}" write by * none' for a in attributes)
        with open(self.conf, "w", encoding="utf-8") as f:
            f.write(SLAPD_CONF.format(folder=self.folder, schema=schema, rules=rules, worker=WORKER))
        self.own()
        self.load(files)
        self.uri = "ldapi://" + os.path.join(self.folder, "socket").replace("/", "%2F")
        self.launch(os.path.join(self.folder, "socket"), self.binary, "-d", "0", "-f", self.conf, "-h", self.uri)

    @staticmethod
    def attribute(name):
        return "cv" + "".join(part.capitalize() for part in name.split("_"))

    def dn(self, record):
        return f"uid={record},dc=vault"

    def load(self, files):
        with open(self.secret, encoding="ascii") as f:
            password = f.read()
        parts = ["dn: dc=vault\nobjectClass: organization\nobjectClass: dcObject\no: vault\ndc: vault\n",
                 f"dn: {WORKER}\nobjectClass: person\ncn: worker\nsn: worker\nuserPassword: {password}\n"]
        for record, fields in files:
            values = "".join(f"{self.attribute(n)}: {v}\n" for n, v in fields.items())
            parts.append(f"dn: {self.dn(record)}\nobjectClass: cvFile\nuid: {record}\n{values}")
        self.command(self.binary, "-T", "add", "-q", "-f", self.conf, "-b", "dc=vault", input="\n".join(parts))

    def lines(self, reads, updates):
        self.bench.write("slapd.read", [self.dn(i) for i in reads])
        self.bench.write("slapd.update", ["\t".join([self.dn(i), *(f"{self.attribute(n)}={fields[n]}" for n in CHANGED)]) for i, fields in updates])

    def measure(self, work, connections):
        return self.generate(work, connections, "slapd", self.uri, "--bind", WORKER)

    def audited(self):
        """Entries of the access log; the server has to be at rest, so it is stopped."""
        self.stop()
        return self.command(self.binary, "-T", "cat", "-f", self.conf, "-b", "cn=log").count("\nreqStart:")


class PeersBench(Bench):
    """The daemon and its load as `make bench` has them, and the peers."""

    def __init__(self, args, folder):
        super().__init__(args, folder)
        self.peers = []

    def start(self, lines):
        rng = random.Random(5)
        files = [(str(uuid.UUID(int=rng.getrandbits(128), version=4)), texts(line)) for line in lines]
        reads = [i for i, _ in rng.sample(files, len(files))]
        with open(self.path("records"), encoding="utf-8") as f:
            chosen = sum(1 for _ in f)
        # A multiple of every number of connections: then a record stays with one connection, as the daemon's do.
        chosen -= chosen % max(CONNECTIONS)
        with open(self.path("bodies"), encoding="utf-8") as f:
            bodies = [json.loads(line)["fields"] for line in f]
        updates = [(reads[n % chosen], bodies[n % len(bodies)]) for n in range(chosen * PASSES)]
        for kind in (Postgres, Slapd):
            # Known before it runs, so that close() stops whatever it had started when it failed.
            peer = kind.__new__(kind)
            self.peers.append(peer)
            begin = time.monotonic()
            peer.__init__(self, files)
            peer.lines(reads, updates)
            print(f"{peer.version} holds the same files after {time.monotonic() - begin:.1f} s", flush=True)

    def measure(self, name):
        what, connections = name.split("/")
        for peer in self.peers:
            if what.startswith(peer.name + "-"):
                return peer.measure(what.split("-", 1)[1], int(connections))
        return super().measure(name)

    def peer_rounds(self):
        kinds = ["A"] + [own for _, own, _ in WORK] + [f"{p}-{work}" for p in PEERS for _, _, work in WORK]
        names = [f"{kind}/{c}" for kind in kinds for c in CONNECTIONS]
        results = {name: [] for name in names}
        for number in range(self.args.rounds):
            for name in blocks(names, number):
                # Pages that the server before left to be written shall not lengthen the syncs of this one.
                run("sync", "-f", self.folder)
                results[name].append(undisturbed(self.measure, name))
            print(f"round {number + 1} of {self.args.rounds}, load average {os.getloadavg()[0]:.1f}", flush=True)
        return results

    def proof(self):
        """That the peers wrote an audit entry for each answer; a peer that did not would be compared on other work."""
        proof = {}
        for peer in self.peers:
            proof[peer.name] = {"version": peer.version, "answers": peer.answered, "audit_entries": peer.audited()}
            if proof[peer.name]["audit_entries"] < peer.answered:
                raise RuntimeError(f"{peer.name} gave more answers than it has audit entries: {proof[peer.name]}")
        return proof

    def close(self):
        for peer in getattr(self, "peers", []):
            if getattr(peer, "process", None) is not None:
                peer.stop()
        super().close()


def median(values):
    return statistics.median(list(values))


def report(results):
    rows = []
    print(f"\n{'':28}{'connections':>12}{'':12}{'per second':>11}{'p50 us':>9}{'p99 us':>9}   daemon is")
    for title, own, work in WORK:
        for c in CONNECTIONS:
            mine = results[f"{own}/{c}"]
            for who, name in [("daemon", f"{own}/{c}")] + [(p, f"{p}-{work}/{c}") for p in PEERS]:
                runs = results[name]
                figures = {k: median(r[k] for r in runs) for k in ("per_second", "p50_us", "p99_us")}
                row = {"work": title, "connections": c, "who": who, **{k: round(v, 1) for k, v in figures.items()}}
                if who != "daemon":
                    ratios = [a["per_second"] / b["per_second"] for a, b in zip(mine, runs)]
                    row.update(ratio=round(median(ratios), 3), ratios=[round(r, 3) for r in ratios])
                rows.append(row)
                head = (title, c) if who == "daemon" else ("", "")
                verdict = f"   {row['ratio']:.2f} x as fast{'' if row['ratio'] > 1 else '  SLOWER'}" if who != "daemon" else ""
                print(f"{head[0]:28}{head[1]:>12}  {who:10}{figures['per_second']:11,.0f}{figures['p50_us']:9,.0f}{figures['p99_us']:9,.0f}{verdict}")
    return rows


def interrupted(*_):
    raise KeyboardInterrupt


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--records", type=int, default=10000)
    parser.add_argument("--run", type=int, help="number of one of several runs")
    parser.add_argument("--out")
    parser.add_argument("--quick", action="store_true", help="one short round, to see that it works")
    args = parser.parse_args()
    if args.quick:
        args.rounds, args.seconds, args.records = 1, 0.5, 2000
    signal.signal(signal.SIGTERM, interrupted)
    signal.signal(signal.SIGHUP, interrupted)
    before, folder = os.getloadavg(), tempfile.mkdtemp(prefix="cvp.", dir="/var/tmp")
    os.chmod(folder, 0o711)
    bench, status = PeersBench.__new__(PeersBench), 0
    try:
        bench.__init__(args, folder)
        bench.start(synthetic(args.records, 7))
        results = bench.peer_rounds()
        rows, proof = report(results), bench.proof()
        print("\n" + "; ".join(f"{k}: {v['audit_entries']:,} audit entries for {v['answers']:,} answers" for k, v in proof.items()))
        out = result_path("bench-peers", args)
        with open(out, "w", encoding="utf-8") as f:
            json.dump({**machine(), "load_average_before": before, "rounds": args.rounds, "seconds": args.seconds, "records": args.records,
                       "peers": proof, "rows": rows, "results": results}, f, indent=1)
        print(f"load average {os.getloadavg()[0]:.1f}; every figure stands in {os.path.relpath(out)}")
    except KeyboardInterrupt:
        print("\nbench-peers: interrupted; stopping the servers", file=sys.stderr)
        status = 130
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        bench.close()
        if hasattr(bench, "vault"):
            bench.vault.remove()
        shutil.rmtree(folder, ignore_errors=True)
    return status


if __name__ == "__main__":
    sys.exit(main())
