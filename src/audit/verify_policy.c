/*
 * Witnesses, by a policy file (C2SP tlog-policy): what the files checkpoint and cosigned carry of their cosignatures, and whether
 * enough of them vouch for a tree that this log contains.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/trust.h"
#include "audit/verify.h"
#include "base/error.h"
#include "store/files.h"

#define NONE CHILDVAULT_AUDIT_NONE

/* The policy given, taken apart. 0; CV_ERR_FORMAT: it is none; CV_ERR_NOTFOUND, CV_ERR_IO, CV_ERR_NOMEM. */
static int load(struct verify *v)
{
	unsigned line;
	int r;

	if ((v->policy = calloc(1, sizeof(*v->policy))) == NULL)
		return CV_ERR_NOMEM;
	if ((r = outside_read(v->o->policy_file, &v->policy_text)) != 0)
		return r;
	return trust_policy((const char *)v->policy_text.p, v->policy_text.n, v->policy, &line);
}

/* Who of the policy's witnesses has cosigned a signed note of this log; ret_time_s stays zero for the others. */
static void judge(struct verify *v, const struct buf *b, const char *file, uint64_t ret_time_s[TLOG_WITNESSES_MAX])
{
	struct trust t;
	int r = trust_checkpoint(v->policy, (const char *)b->p, b->n, &t);

	if (r == 0)
		memcpy(ret_time_s, t.time_s, sizeof(t.time_s));
	else if (r == CV_ERR_NOMEM)
		v->error = r;
	else if (r == CV_ERR_NOTFOUND)
		found_file(v, CHILDVAULT_AUDIT_POLICY_STRANGER, file);
	else if (r == CV_ERR_AUTH)
		found_file(v, CHILDVAULT_AUDIT_COSIGNATURE_BAD, file);
}

/* The newest checkpoint with cosignatures that the vault kept. The leaves must lead to it, whoever is trusted. */
static void cosigned_read(struct verify *v)
{
	struct mark m = { .outside = true, .file = "cosigned" };
	struct checkpoint c;
	uint32_t epoch;
	bool parsed;
	struct buf b;
	int r;

	buf_init(&b, NOTE_MAX);
	r = files_read(v->dirfd, "cosigned", &b);
	if (r == CV_ERR_NOTFOUND)
		goto out;
	if (r != 0) {
		found_file(v, CHILDVAULT_AUDIT_FORMAT_BAD, "cosigned");
	} else if (verify_signed(v, &b, "cosigned", NONE, &c, &parsed, &epoch) && c.size > 0) {
		m.size = c.size;
		memcpy(m.root, c.root, sizeof(m.root));
		if (v->policy != NULL)
			judge(v, &b, "cosigned", m.time_s);
		verify_mark(v, &m);
	}
out:
	buf_free(&b);
}

int policy_read(struct verify *v)
{
	struct buf b;
	int r;

	if (v->o->policy_file != NULL && (r = load(v)) != 0)
		return r;
	cosigned_read(v);
	if (v->policy == NULL || !v->has_checkpoint)
		return 0;
	buf_init(&b, NOTE_MAX);
	if (files_read(v->dirfd, "checkpoint", &b) == 0)
		judge(v, &b, "checkpoint", v->time_s);
	buf_free(&b);
	return 0;
}

/* Those who vouch for size leaves: whoever has cosigned as many, or more. */
static uint64_t vouched(const struct verify *v, uint64_t size, unsigned *ret_witnesses)
{
	uint64_t time_s[TLOG_WITNESSES_MAX];
	unsigned n = 0;

	memset(time_s, 0, sizeof(time_s));
	if (v->sum->root_signed && v->size >= size)
		memcpy(time_s, v->time_s, sizeof(time_s));
	for (size_t i = 0; i < v->marks; i++) {
		const struct mark *m = &v->mark[i];

		for (unsigned w = 0; m->outside && !m->differs && m->size >= size && w < v->policy->witnesses; w++)
			if (m->time_s[w] > time_s[w])
				time_s[w] = m->time_s[w];
	}
	for (unsigned w = 0; w < v->policy->witnesses; w++)
		n += time_s[w] != 0;
	*ret_witnesses = n;
	return tlog_policy_time(v->policy, time_s);
}

void policy_conclude(struct verify *v)
{
	struct childvault_audit_summary *sum = v->sum;
	uint64_t size = v->size, since;

	if (v->policy == NULL)
		return;
	since = vouched(v, size, &sum->witnesses);
	for (size_t i = v->marks; since == 0 && i > 0; i--) {
		if (!v->mark[i - 1].outside)
			continue;
		size = v->mark[i - 1].size;
		since = vouched(v, size, &sum->witnesses);
	}
	if (since == 0)
		found_file(v, CHILDVAULT_AUDIT_QUORUM_MISSING, "cosigned");
	if (since == 0 || since == TLOG_NONE)
		return;
	sum->cosigned_size = size;
	sum->cosigned_s = since;
}
