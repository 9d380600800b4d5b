"""What the integration tests share: a demo vault in a temporary folder, its daemon, HTTP over its socket, synthetic files.

Only the standard library. A script makes one Test, states facts with `ok`, and ends with `done`, which exits 1 if a fact did not
hold. Everything waits for conditions, with a deadline that only a defect reaches.
"""
import atexit
import datetime
import http.client
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import urllib.parse

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
BUILD = os.path.abspath(os.path.join(ROOT, os.environ.get("BUILD", "build")))
DEADLINE_S = 30

# Names of the profile child-welfare.
PURPOSE = "intake"
REASON = "home visit prepared"


class Test:
    def __init__(self):
        self.passed = self.failed = 0

    def ok(self, fact, holds, detail=""):
        if holds:
            self.passed += 1
            print(f"ok {fact}", flush=True)
        else:
            self.failed += 1
            print(f"not ok {fact}" + (f": {detail}" if detail != "" else ""), flush=True)
        return bool(holds)

    def equal(self, fact, found, wanted):
        return self.ok(fact, found == wanted, f"found {found!r}, wanted {wanted!r}")

    def skip(self, fact, why):
        print(f"skip {fact}: {why}", flush=True)

    def done(self):
        sys.exit(1 if self.failed or not self.passed else 0)


def wait_until(condition, what, seconds=DEADLINE_S):
    """Ask again and again until condition() is true; its value is returned."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise TimeoutError(what)
        time.sleep(0.005)


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body) if self.body else None

    @property
    def kind(self):
        try:
            return self.json.get("kind", "")
        except (ValueError, AttributeError):
            return ""

    @property
    def etag(self):
        return self.headers.get("ETag", "")

    @property
    def leaf(self):
        text = self.headers.get("CV-Audit-Index")
        return None if text is None else int(text)

    def __repr__(self):
        return f"<{self.status} {self.kind} {self.headers.get('CV-Explain', '')}>"


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=DEADLINE_S)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(DEADLINE_S)
        self.sock.connect(self.path)


class Client:
    """One kept connection with one session's token."""

    def __init__(self, vault, token=None, purpose=PURPOSE):
        self.vault, self.token, self.purpose = vault, token, purpose
        self.connection = UnixConnection(vault.socket)

    def call(self, method, path, body=None, headers=None, raw=None, purpose=True):
        head = {}
        if self.token:
            head["Authorization"] = "Bearer " + self.token
        if purpose and self.purpose:
            head["CV-Purpose"] = self.purpose
        if body is not None:
            raw = json.dumps(body, ensure_ascii=False).encode()
        if raw is not None:
            head["Content-Type"] = "application/merge-patch+json" if method == "PATCH" else "application/json"
        head.update(headers or {})
        try:
            self.connection.request(method, path, body=raw, headers={k: v for k, v in head.items() if v is not None})
            response = self.connection.getresponse()
            answer = Answer(response.status, response.headers, response.read())
        except Exception:
            self.connection.close()
            raise
        if response.will_close:
            self.connection.close()
        return answer

    def create(self, fields, **more):
        return self.call("POST", "/v1/records", {"fields": fields}, **more)

    def read(self, record, names, clear=False, **more):
        headers = dict(more.pop("headers", {}))
        path = f"/v1/records/{record}?fields={','.join(names)}"
        if clear:
            path += "&view=clear"
            headers.setdefault("CV-Reason", urllib.parse.quote(REASON))
        return self.call("GET", path, headers=headers, **more)

    def patch(self, record, etag, fields, **more):
        headers = dict(more.pop("headers", {}))
        if etag is not None:
            headers["If-Match"] = etag
        return self.call("PATCH", f"/v1/records/{record}", {"fields": fields}, headers=headers, **more)

    def history(self, record, names, clear=False, **more):
        headers = dict(more.pop("headers", {}))
        path = f"/v1/records/{record}/history?fields={','.join(names)}"
        if clear:
            path += "&view=clear"
            headers.setdefault("CV-Reason", urllib.parse.quote(REASON))
        return self.call("GET", path, headers=headers, **more)

    def close(self):
        self.connection.close()


def run(*args, check=True, **more):
    """Run a program of the build; its standard output as text."""
    result = subprocess.run([str(a) for a in args], capture_output=True, text=True, timeout=120, **more)
    if check and result.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, args))}: exit {result.returncode}\n{result.stdout}{result.stderr}")
    return result


def program(name):
    return os.path.join(BUILD, name)


class Vault:
    """A demo vault. `daemon` names another build's childvaultd."""

    def __init__(self, daemon=None, folder=None, profile=None):
        self.parent = folder or tempfile.mkdtemp(prefix="cv.")
        self.dir = os.path.join(self.parent, "vault")
        self.daemon = daemon or program("childvaultd")
        self.process = None
        self.log_path = os.path.join(self.parent, "daemon.log")
        self.profile = profile
        atexit.register(self.remove)

    @property
    def socket(self):
        return os.path.join(self.dir, "api.sock")

    @property
    def admin_socket(self):
        return os.path.join(self.dir, "admin.sock")

    def key(self, name):
        return os.path.join(self.dir, "keys", name + ".key")

    def init(self):
        args = [program("childvault"), "init", "--demo"]
        if self.profile:
            args += ["--profile", self.profile]
        return run(*args, self.dir)

    def launch(self):
        """Start the daemon without waiting for it."""
        log = open(self.log_path, "ab")
        self.process = subprocess.Popen([self.daemon, "--vault", self.dir], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                        start_new_session=True)
        log.close()

    def health(self):
        try:
            client = Client(self)
            answer = client.call("GET", "/v1/sys/health", purpose=False)
            client.close()
            return answer
        except (OSError, http.client.HTTPException):
            return None

    def start(self):
        self.launch()

        def ready():
            if self.process.poll() is not None:
                raise RuntimeError(f"childvaultd ended with {self.process.returncode}:\n{self.log_tail()}")
            answer = self.health()
            return answer is not None and answer.status == 200
        wait_until(ready, "the daemon does not become ready:\n" + self.log_tail())
        return self

    def try_start(self):
        """Start; True once it serves, False if it ends by itself or stays sealed or failed."""
        self.launch()
        settled = time.monotonic() + DEADLINE_S
        while time.monotonic() < settled:
            if self.process.poll() is not None:
                return False
            answer = self.health()
            if answer is not None and answer.status == 200:
                return True
            if answer is not None and answer.status == 503 and answer.kind in ("sealed", "audit-unavailable"):
                return False
            time.sleep(0.005)
        raise TimeoutError("the daemon neither serves nor refuses:\n" + self.log_tail())

    def log_tail(self, n=2000):
        try:
            with open(self.log_path, "r", errors="replace") as f:
                return f.read()[-n:]
        except OSError:
            return ""

    def pids(self):
        """The daemon and everything it forked."""
        if self.process is None:
            return []
        found, parents = [], {}
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                try:
                    with open(f"/proc/{entry}/stat", "r") as f:
                        parents[int(entry)] = int(f.read().rsplit(")", 1)[1].split()[1])
                except (OSError, ValueError):
                    pass
        todo = [self.process.pid]
        while todo:
            pid = todo.pop()
            if pid in parents:
                found.append(pid)
            todo += [child for child, parent in parents.items() if parent == pid]
        return found

    def stop(self):
        """A clean stop."""
        if self.process is None:
            return None
        pids = self.pids()
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=DEADLINE_S)
        self.wait_gone(pids)
        self.process = None
        return code

    def kill9(self):
        """End every process of the daemon at once."""
        pids = self.pids()
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait(timeout=DEADLINE_S)
        self.wait_gone(pids)
        self.process = None

    @staticmethod
    def wait_gone(pids):
        """Until none of them holds a file any more. A zombie whose other threads still end (in a sync, say) is not gone."""
        def gone():
            for pid in pids:
                try:
                    with open(f"/proc/{pid}/stat", "r") as f:
                        ended = f.read().rsplit(")", 1)[1].split()[0] in ("Z", "X")
                    if not ended or len(os.listdir(f"/proc/{pid}/task")) > 1:
                        return False
                except (OSError, IndexError):
                    pass
            return True
        wait_until(gone, "processes of the daemon remain")

    def remove(self):
        try:
            if self.process is not None and self.process.poll() is None:
                self.kill9()
        finally:
            if os.environ.get("KEEP"):
                print(f"kept {self.parent}", file=sys.stderr)
            else:
                shutil.rmtree(self.parent, ignore_errors=True)

    def login(self, name, *roles):
        args = [program("childvault"), "login", "--key", self.key(name)]
        for role in roles:
            args += ["--role", role]
        return run(*args, env={**os.environ, "CHILDVAULT_SOCKET": self.socket}).stdout.strip()

    def client(self, name, purpose=PURPOSE):
        return Client(self, self.login(name), purpose)

    def copy_to(self, folder):
        """A stopped vault's copy as another Vault."""
        other = Vault(self.daemon, tempfile.mkdtemp(prefix="cv.") if folder is None else folder)
        shutil.copytree(self.dir, other.dir, symlinks=True, ignore=shutil.ignore_patterns("*.sock"))
        return other


# ---- the audit log's files ----------------------------------------------------------------------------------------------

def tile_name(n):
    text = f"{n % 1000:03d}"
    n //= 1000
    while n:
        text = f"x{n % 1000:03d}/{text}"
        n //= 1000
    return text


def split_leaves(data):
    at, leaves = 0, []
    while at + 2 <= len(data):
        n = struct.unpack_from(">H", data, at)[0]
        if at + 2 + n > len(data):
            break
        leaves.append(data[at + 2:at + 2 + n])
        at += 2 + n
    return leaves


def read_leaves(log_dir):
    """All leaves that stand in full bundles and in the tail, of a log that may be written meanwhile."""
    leaves, n = [], 0
    while True:
        path = os.path.join(log_dir, "tile", "entries", tile_name(n))
        if os.path.exists(path):
            with open(path, "rb") as f:
                leaves += split_leaves(f.read())
            n += 1
            continue
        tail = []
        if os.path.exists(os.path.join(log_dir, "tail")):
            with open(os.path.join(log_dir, "tail"), "rb") as f:
                tail = split_leaves(f.read())
        if not tail or leaf_head(tail[0])[1] <= len(leaves) or not os.path.exists(path):
            break
        # The tail became a bundle after that was looked for, and this one is the next.
    # One that has not been replaced yet begins below its bundle's end.
    return leaves + (tail if tail and leaf_head(tail[0])[1] == len(leaves) else [])


def leaf_head(leaf):
    """kind, index, time in ms"""
    return leaf[1], struct.unpack_from(">Q", leaf, 4)[0], int.from_bytes(leaf[12:18], "big")


# ---- synthetic files ------------------------------------------------------------------------------------------------------

def id_number(division, birth, sequence):
    """A number with a right check digit in a division code that was never issued to anybody."""
    digits = f"{division:06d}{birth:%Y%m%d}{sequence:03d}"
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return digits + "10X98765432"[sum(int(d) * w for d, w in zip(digits, weights)) % 11]


def luhn(digits):
    total = 0
    for position, digit in enumerate(reversed(digits + "0")):
        value = int(digit) * (2 if position % 2 else 1)
        total += value - 9 if value > 9 else value
    return digits + str(-total % 10)


def birth_of(i):
    return datetime.date(2012, 1, 1) + datetime.timedelta(days=(i * 37) % 3000)


FAMILY_NAMES = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨"
GIVEN_NAMES = "安宁晓明思远子涵雨桐佳怡浩然"


def child(i):
    """The fields of synthetic child number i, as the intake application and the caseworker write them."""
    birth = birth_of(i)
    name = FAMILY_NAMES[i % 16] + GIVEN_NAMES[(i // 16) % 14] + GIVEN_NAMES[(i * 7) % 14]
    return {
        "name": name,
        "id_type": "resident_id",
        "id_no": id_number(330199, birth, (i + i // 3000) % 1000),  # days repeat after 3,000
        "sex": "1" if i % 2 else "2",
        "birth_date": birth.isoformat(),
        "ethnicity": "01",
        "address": f"示例省示例市示例县第{i}村民小组{i % 90 + 1}号",
        "phone": f"139{i % 100000000:08d}",
        "live_division": "330122",
        "guardian_name": FAMILY_NAMES[(i + 3) % 16] + "某某",
        "guardian_phone": f"138{(i * 3) % 100000000:08d}",
        "school_name": f"示例县第{i % 40 + 1}小学",
        "education_stage": "小学",
    }
