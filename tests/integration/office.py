"""A vault of people with key files of their own, for integration tests: three administrators, five custodians, an auditor, and those who work."""
import datetime
import os
import subprocess

from vaulttest import Vault, program, run, wait_until

CLI = program("childvault")
ENV = {k: v for k, v in os.environ.items() if not k.startswith("CHILDVAULT_") and k not in ("LANG", "LC_ALL", "LC_MESSAGES")}
PASSPHRASE = "一路平安 correct horse battery"
AREA = "119901"
VETTED = (datetime.date.today() - datetime.timedelta(days=60)).isoformat()	# a vetting holds for a year
TABLE = f"""login,name,department,post,area,vetted,person
admin-a,王甲,民政局,信息科科长,,{VETTED},
admin-b,李乙,民政局,办公室主任,,{VETTED},
admin-c,赵丙,民政局,审计专员,,{VETTED},
worker,孙丁,民政局,"县级社工, 主办",119901,{VETTED},
manager,周戊,民政局,科长,119901,{VETTED},
"""
PEOPLE = ("admin-a", "admin-b", "admin-c", "custodian-1", "custodian-2", "custodian-3", "custodian-4", "custodian-5", "auditor", "worker",
          "manager", "intake")


class Office(Vault):
    """A folder of people's key files and the vault that init makes of them."""

    def __init__(self, keys=None):
        super().__init__()
        self.keys = keys or os.path.join(self.parent, "keys")
        if keys:
            self.forget_log()
        self.shares = os.path.join(self.parent, "shares")
        os.makedirs(self.shares)
        self.options = []

    def forget_log(self):
        """For people who meet another vault with keys of the first: what they remember of that one's log is not this one's."""
        for name in os.listdir(self.keys):
            if name.endswith(".head"):
                os.remove(os.path.join(self.keys, name))

    def key(self, name):
        return os.path.join(self.keys, name + ".key")

    def pub(self, name):
        return os.path.join(self.keys, name + ".pub")

    def with_passphrase(self, *args, passphrase=PASSPHRASE):
        r, w = os.pipe()
        os.write(w, passphrase.encode() + b"\n")
        os.close(w)
        try:
            return run(CLI, *args, "--passphrase-fd", r, env=ENV, check=False, pass_fds=(r,))
        finally:
            os.close(r)

    def people(self):
        """The arguments of init for everybody."""
        table = os.path.join(self.parent, "people.csv")
        with open(table, "w", encoding="utf-8") as f:
            f.write(TABLE)
        args = ["--people", table]
        for name, area in (("admin-a", "system"), ("admin-b", "security"), ("admin-c", "audit")):
            args += ["--admin", f"{self.pub(name)},area={area}"]
        for i in range(1, 6):
            args += ["--custodian", self.pub(f"custodian-{i}")]
        return args + ["--auditor", self.pub("auditor"), "--member", self.pub("worker") + "=caseworker", "--member", self.pub("manager") + "=manager",
                       "--app", self.pub("intake") + "=intake"]

    def init_office(self, *args):
        return self.with_passphrase("init", self.dir, *(args or self.people()))

    def launch(self):
        log = open(self.log_path, "ab")
        self.process = subprocess.Popen([self.daemon, "--vault", self.dir, *self.options], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                        start_new_session=True)
        log.close()

    def start_sealed(self):
        self.launch()
        wait_until(lambda: self.health() is not None, "the daemon does not answer:\n" + self.log_tail())
        return self.health()

    def unseal(self, passphrase=PASSPHRASE):
        return self.with_passphrase("unseal", "--vault", self.dir, passphrase=passphrase)

    def show(self):
        """Facts of genesis show, and its rows by login name."""
        answer = run(CLI, "genesis", "show", self.dir, env=ENV, check=False)
        lines = [line.split("\t") for line in answer.stdout.splitlines()]
        return answer, {a[0]: a[1] for a in lines if len(a) == 2}, {a[1]: a for a in lines if len(a) == 11}

    def sign(self, name, code, *more, where=None):
        return run(CLI, "genesis", "sign", where or self.dir, "--key", self.key(name), "--code", code, *more, env=ENV, check=False)

    def keygen(self):
        os.makedirs(self.keys)
        for name in PEOPLE:
            run(CLI, "keygen", name, "--out", self.keys, "--no-passphrase", env=ENV)

    def ready(self, *more):
        """Everything up to a vault that serves: keys, init, two signatures, the first unsealing."""
        self.keygen()
        made = self.init_office(*more, *self.people())
        if made.returncode != 0:
            raise RuntimeError(made.stderr)
        code = self.show()[1]["code"]
        for name in ("admin-b", "admin-c"):
            if self.sign(name, code).returncode != 0:
                raise RuntimeError(f"{name} does not sign")
        self.start_sealed()
        opened = self.unseal()
        if opened.returncode != 0:
            raise RuntimeError(opened.stderr + self.log_tail())
        return self
