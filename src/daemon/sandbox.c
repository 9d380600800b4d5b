#include "daemon/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1	/* their runtimes need calls that no process of ours does */
#else
#define SANITIZED 0
#endif

#define FILES 8192u		/* descriptors that a process may have: all connections that core takes, and as many again */

int sandbox_common(void)
{
	struct rlimit none = { 0, 0 }, files;

	umask(0077);
	/* A front has a descriptor for each of its connections: the usual soft limit is made for programs that use select(2). */
	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < FILES) {
		files.rlim_cur = files.rlim_max < FILES ? files.rlim_max : FILES;
		(void)setrlimit(RLIMIT_NOFILE, &files);	/* those that have no number left are closed */
	}
	if (setrlimit(RLIMIT_CORE, &none) != 0 || prctl(PR_SET_DUMPABLE, 0) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return CV_ERR_SYSTEM;
	return 0;
}

void sandbox_memlock(void)
{
	struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY }, now;

	if (setrlimit(RLIMIT_MEMLOCK, &all) == 0 || getrlimit(RLIMIT_MEMLOCK, &now) != 0)
		return;
	now.rlim_cur = now.rlim_max;
	(void)setrlimit(RLIMIT_MEMLOCK, &now);	/* what cannot be locked fails later, where it is asked for */
}

int sandbox_drop_user(void)
{
	const struct passwd *pw;

	if (geteuid() != 0)
		return 0;
	if ((pw = getpwnam("childvault-front")) == NULL && (pw = getpwnam("nobody")) == NULL)
		return CV_ERR_SYSTEM;
	if (setgroups(0, NULL) != 0 || setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid) != 0 ||
	    setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid) != 0)
		return CV_ERR_SYSTEM;
	/* Changing the uid made the process dumpable again. */
	return prctl(PR_SET_DUMPABLE, 0) == 0 ? 0 : CV_ERR_SYSTEM;
}

/* Every call of the list gets the action, and all others get otherwise; with data_memory memory that does not run is allowed too. */
static int load_filter(uint32_t otherwise, uint32_t action, const int *calls, size_t n, bool data_memory)
{
	scmp_filter_ctx ctx;
	int r = CV_ERR_SYSTEM;

	if (SANITIZED)
		return 0;
	if ((ctx = seccomp_init(otherwise)) == NULL)
		return CV_ERR_SYSTEM;
	for (size_t i = 0; i < n; i++)
		if (seccomp_rule_add(ctx, action, calls[i], 0) != 0)
			goto out;
	if (data_memory &&
	    (seccomp_rule_add(ctx, action, SCMP_SYS(mmap), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)) != 0 ||
	    seccomp_rule_add(ctx, action, SCMP_SYS(mprotect), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)) != 0))
		goto out;
	if (seccomp_load(ctx) == 0)
		r = 0;
out:
	seccomp_release(ctx);
	return r;
}

int sandbox_front(void)
{
	static const int calls[] = {
		SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(readv), SCMP_SYS(writev), SCMP_SYS(recvmsg), SCMP_SYS(sendmsg),
		SCMP_SYS(recvmmsg), SCMP_SYS(sendmmsg), SCMP_SYS(recvfrom), SCMP_SYS(sendto), SCMP_SYS(epoll_wait),
		SCMP_SYS(epoll_pwait), SCMP_SYS(epoll_pwait2), SCMP_SYS(epoll_ctl), SCMP_SYS(epoll_create1), SCMP_SYS(close),
		SCMP_SYS(shutdown), SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(futex),
		SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday), SCMP_SYS(time), SCMP_SYS(getrandom), SCMP_SYS(exit),
		SCMP_SYS(exit_group), SCMP_SYS(rt_sigreturn), SCMP_SYS(rt_sigprocmask), SCMP_SYS(restart_syscall), SCMP_SYS(getpid),
		SCMP_SYS(gettid), SCMP_SYS(tgkill), SCMP_SYS(mlock), SCMP_SYS(munlock), SCMP_SYS(fcntl), SCMP_SYS(poll), SCMP_SYS(ppoll),
	};

	return load_filter(SCMP_ACT_KILL_PROCESS, SCMP_ACT_ALLOW, calls, sizeof(calls) / sizeof(calls[0]), true);
}

int sandbox_core(void)
{
	static const int calls[] = {
		SCMP_SYS(execve), SCMP_SYS(execveat), SCMP_SYS(fork), SCMP_SYS(vfork), SCMP_SYS(ptrace), SCMP_SYS(process_vm_readv),
		SCMP_SYS(process_vm_writev), SCMP_SYS(socket), SCMP_SYS(socketpair), SCMP_SYS(connect), SCMP_SYS(bind), SCMP_SYS(listen),
		SCMP_SYS(mount), SCMP_SYS(umount2), SCMP_SYS(pivot_root), SCMP_SYS(chroot), SCMP_SYS(init_module),
		SCMP_SYS(finit_module), SCMP_SYS(kexec_load), SCMP_SYS(bpf), SCMP_SYS(perf_event_open), SCMP_SYS(userfaultfd),
		SCMP_SYS(keyctl), SCMP_SYS(add_key), SCMP_SYS(request_key),
	};

	return load_filter(SCMP_ACT_ALLOW, SCMP_ACT_KILL_PROCESS, calls, sizeof(calls) / sizeof(calls[0]), false);
}
