#include "crash_disk.h"

#include <assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crash_record.h"

#define PAGE 4096u
#define SECTOR 512u
#define NODES 4096u
#define PENDING 65536u

struct image {
	uint8_t *p;
	size_t n, cap;
};
struct node {
	bool folder, touched;
	struct image now, safe;
	uint32_t *pending;	/* steps since the last sync */
	uint32_t pending_n, pending_cap;
};
struct name {
	char path[CRASH_PATH];
	uint32_t node;
};
struct names {
	struct name *name;
	uint32_t n, cap;
};
/* A change of a folder that was not synced since. */
struct change {
	uint32_t step, node;
};
struct disk {
	char from[CRASH_PATH];
	uint64_t played;
	struct node node[NODES];
	uint32_t nodes;
	struct names now, safe;
	struct change change[PENDING];
	uint32_t changes;
};

/* ---- images and names --------------------------------------------------------------------------------------------- */

static void image_length(struct image *m, size_t n)
{
	if (n > m->cap) {
		m->cap = n + n / 2 + PAGE;
		m->p = realloc(m->p, m->cap);
		assert(m->p != NULL);
	}
	if (n > m->n)
		memset(m->p + m->n, 0, n - m->n);
	m->n = n;
}

static void image_put(struct image *m, uint64_t at, const uint8_t *p, size_t n)
{
	if (n > 0 && at + n > m->n)
		image_length(m, at + n);
	if (n > 0)
		memcpy(m->p + at, p, n);
}

static void image_copy(struct image *to, const struct image *from)
{
	image_length(to, from->n);
	if (from->n > 0)
		memcpy(to->p, from->p, from->n);
}

static struct name *names_find(const struct names *l, const char *path)
{
	for (uint32_t i = 0; i < l->n; i++)
		if (strcmp(l->name[i].path, path) == 0)
			return &l->name[i];
	return NULL;
}

static void names_remove(struct names *l, const char *path)
{
	struct name *x = names_find(l, path);

	if (x != NULL)
		*x = l->name[--l->n];
}

static void names_put(struct names *l, const char *path, uint32_t node)
{
	names_remove(l, path);
	if (l->n == l->cap) {
		l->cap = l->cap * 2 + 64;
		l->name = realloc(l->name, l->cap * sizeof(*l->name));
		assert(l->name != NULL);
	}
	strcpy(l->name[l->n].path, path);
	l->name[l->n++].node = node;
}

static void names_copy(struct names *to, const struct names *from)
{
	for (uint32_t i = 0; i < from->n; i++)
		names_put(to, from->name[i].path, from->name[i].node);
}

static void names_change(struct names *l, const struct change *c)
{
	const struct crash_step *s = crash_step(c->step);

	if (s->what == CRASH_FILE || s->what == CRASH_FOLDER) {
		names_put(l, s->path, c->node);
	} else if (s->what == CRASH_REMOVE) {
		names_remove(l, s->path);
	} else if (names_find(l, s->path) != NULL) {
		names_remove(l, s->path);
		names_put(l, s->to, c->node);
	}
}

/* The folder that a path lies in. */
static void parent_of(const char *path, char ret[CRASH_PATH])
{
	const char *slash = strrchr(path, '/');
	size_t n = slash != NULL ? (size_t)(slash - path) : 0;

	memcpy(ret, path, n);
	ret[n] = '\0';
}

static uint32_t node_new(struct disk *d, bool folder)
{
	assert(d->nodes < NODES);
	d->node[d->nodes] = (struct node){ .folder = folder };
	return d->nodes++;
}

/* ---- playing ------------------------------------------------------------------------------------------------------ */

static void load(struct disk *d, const char *at)
{
	char path[512];
	struct dirent *e;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/%s", d->from, at);
	assert((dir = opendir(path)) != NULL);
	while ((e = readdir(dir)) != NULL) {
		char name[CRASH_PATH * 4];
		struct stat st;
		uint32_t i;

		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		snprintf(name, sizeof(name), "%s%s%s", at, at[0] != '\0' ? "/" : "", e->d_name);
		assert(strlen(name) < CRASH_PATH);
		snprintf(path, sizeof(path), "%s/%s", d->from, name);
		assert(stat(path, &st) == 0);
		i = node_new(d, S_ISDIR(st.st_mode));
		names_put(&d->now, name, i);
		names_put(&d->safe, name, i);
		if (S_ISDIR(st.st_mode)) {
			load(d, name);
		} else {
			FILE *f = fopen(path, "rb");

			assert(f != NULL);
			image_length(&d->node[i].now, (size_t)st.st_size);
			assert(st.st_size == 0 || fread(d->node[i].now.p, (size_t)st.st_size, 1, f) == 1);
			fclose(f);
			image_copy(&d->node[i].safe, &d->node[i].now);
		}
	}
	closedir(dir);
}

struct disk *disk_new(const char *from)
{
	struct disk *d = calloc(1, sizeof(*d));

	assert(d != NULL);
	snprintf(d->from, sizeof(d->from), "%s", from);
	load(d, "");
	return d;
}

struct disk *disk_copy(const struct disk *d, uint64_t n)
{
	struct disk *c = calloc(1, sizeof(*c));

	assert(c != NULL);
	memcpy(c->from, d->from, sizeof(c->from));
	memcpy(c->change, d->change, sizeof(c->change));
	c->changes = d->changes;
	c->nodes = d->nodes;
	for (uint32_t i = 0; i < d->nodes; i++) {
		const struct node *x = &d->node[i];
		struct node *y = &c->node[i];

		*y = (struct node){ .folder = x->folder, .touched = x->touched, .pending_n = x->pending_n, .pending_cap = x->pending_n };
		image_copy(&y->now, &x->now);
		image_copy(&y->safe, &x->safe);
		if (x->pending_n == 0)
			continue;
		y->pending = malloc(x->pending_n * sizeof(*y->pending));
		assert(y->pending != NULL);
		memcpy(y->pending, x->pending, x->pending_n * sizeof(*y->pending));
	}
	names_copy(&c->now, &d->now);
	names_copy(&c->safe, &d->safe);
	disk_from(c, n);
	return c;
}

void disk_from(struct disk *d, uint64_t n) { d->played = n; }

void disk_free(struct disk *d)
{
	for (uint32_t i = 0; i < d->nodes; i++) {
		free(d->node[i].now.p);
		free(d->node[i].safe.p);
		free(d->node[i].pending);
	}
	free(d->now.name);
	free(d->safe.name);
	free(d);
}

static void image_step(struct image *m, const struct crash_step *s)
{
	if (s->what == CRASH_LENGTH)
		image_length(m, s->n);
	else
		image_put(m, s->at, s->p, s->n);
}

static void node_step(struct node *x, uint32_t step)
{
	const struct crash_step *s = crash_step(step);

	x->touched = true;
	image_step(&x->now, s);
	if (s->what == CRASH_WRITE_SYNC) {
		image_put(&x->safe, s->at, s->p, s->n);
		return;
	}
	if (x->pending_n == x->pending_cap) {
		x->pending_cap = x->pending_cap * 2 + 16;
		x->pending = realloc(x->pending, x->pending_cap * sizeof(*x->pending));
		assert(x->pending != NULL);
	}
	x->pending[x->pending_n++] = step;
}

static void folder_sync(struct disk *d, const char *path)
{
	uint32_t left = 0;

	for (uint32_t i = 0; i < d->changes; i++) {
		char parent[CRASH_PATH];

		parent_of(crash_step(d->change[i].step)->path, parent);
		if (strcmp(parent, path) == 0)
			names_change(&d->safe, &d->change[i]);
		else
			d->change[left++] = d->change[i];
	}
	d->changes = left;
}

static void play_one(struct disk *d, uint32_t step)
{
	const struct crash_step *s = crash_step(step);
	const struct name *name = names_find(&d->now, s->path);
	struct change c = { step, 0 };

	switch (s->what) {
	case CRASH_WRITE:
	case CRASH_WRITE_SYNC:
	case CRASH_LENGTH:
		assert(name != NULL);
		node_step(&d->node[name->node], step);
		return;
	case CRASH_SYNC:
		if (s->path[0] == '\0' || (name != NULL && d->node[name->node].folder)) {
			folder_sync(d, s->path);
		} else {
			assert(name != NULL);
			for (uint32_t i = 0; i < d->node[name->node].pending_n; i++)
				image_step(&d->node[name->node].safe, crash_step(d->node[name->node].pending[i]));
			d->node[name->node].pending_n = 0;
		}
		return;
	default:
		if (s->what == CRASH_FILE || s->what == CRASH_FOLDER)
			c.node = node_new(d, s->what == CRASH_FOLDER);
		else
			c.node = name != NULL ? name->node : 0;
		if (s->what == CRASH_FILE)
			d->node[c.node].touched = true;
		assert(d->changes < PENDING);
		d->change[d->changes++] = c;
		names_change(&d->now, &c);
	}
}

void disk_play(struct disk *d, uint64_t n)
{
	assert(n >= d->played && n <= crash_steps());
	for (; d->played < n; d->played++)
		play_one(d, (uint32_t)d->played);
}

/* ---- what is left ------------------------------------------------------------------------------------------------- */

/* The write that comes next, and the file that it goes to; NULL: the next step is none. */
static const struct crash_step *under_way(const struct disk *d, uint32_t *ret_node)
{
	const struct crash_step *s = d->played < crash_steps() ? crash_step(d->played) : NULL;
	const struct name *name;

	if (s == NULL || (s->what != CRASH_WRITE && s->what != CRASH_WRITE_SYNC) || (name = names_find(&d->now, s->path)) == NULL)
		return NULL;
	*ret_node = name->node;
	return s;
}

static void save(const struct disk *d, const struct name *name, const struct image *m, const char *to)
{
	char path[512], from[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", to, name->path);
	snprintf(from, sizeof(from), "%s/%s", d->from, name->path);
	/* These files are never written in place. */
	if (!d->node[name->node].touched && (strncmp(name->path, "shred/shard-", 12) == 0 || strncmp(name->path, "log/tile", 8) == 0) &&
	    link(from, path) == 0)
		return;
	assert((f = fopen(path, "wb")) != NULL);
	assert(m->n == 0 || fwrite(m->p, m->n, 1, f) == 1);
	assert(fclose(f) == 0);
}

static void fresh_folder(const char *to)
{
	char cmd[CRASH_PATH * 2];

	snprintf(cmd, sizeof(cmd), "rm -rf %s", to);
	assert(system(cmd) == 0);
	assert(mkdir(to, 0700) == 0);
}

/* Folders first, each after the one that it lies in: a folder that is lost takes all with it. */
static void save_folders(const struct disk *d, const struct names *l, const char *to)
{
	char path[512];
	bool more = true;

	while (more) {
		more = false;
		for (uint32_t i = 0; i < l->n; i++) {
			snprintf(path, sizeof(path), "%s/%s", to, l->name[i].path);
			if (d->node[l->name[i].node].folder && mkdir(path, 0700) == 0)
				more = true;
		}
	}
}

static bool has_parent(const struct name *name, const char *to)
{
	char path[512], parent[CRASH_PATH];

	parent_of(name->path, parent);
	snprintf(path, sizeof(path), "%s/%s", to, parent);
	return access(path, F_OK) == 0;
}

void disk_killed(const struct disk *d, const char *to, unsigned part)
{
	uint32_t node = UINT32_MAX;
	const struct crash_step *s = part > 0 ? under_way(d, &node) : NULL;
	struct image half = { 0 };

	fresh_folder(to);
	save_folders(d, &d->now, to);
	for (uint32_t i = 0; i < d->now.n; i++) {
		const struct name *name = &d->now.name[i];
		const struct image *m = &d->node[name->node].now;

		if (d->node[name->node].folder)
			continue;
		if (s != NULL && name->node == node) {
			image_copy(&half, m);
			image_put(&half, s->at, s->p, (s->n / part) & ~(size_t)(PAGE - 1));
			m = &half;
		}
		save(d, name, m, to);
	}
	free(half.p);
}

/* ---- a power cut -------------------------------------------------------------------------------------------------- */

static uint64_t mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15u;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

/* Which of its n + 1 states since the last sync a page, or a sector, stands at: 0 is what was synced. */
static uint32_t state_of(uint64_t seed, uint64_t page, uint64_t sector, uint32_t n)
{
	uint64_t r = mix(seed ^ mix(page * 31 + sector));

	switch (seed % 4) {
	case 0:
		return r % 8 == 0 ? n : 0;		/* almost nothing was written */
	case 1:
		return r % 8 == 0 ? 0 : n;		/* almost everything */
	default:
		return (uint32_t)(r % (n + 1));
	}
}

struct cut {
	uint64_t seed, torn;	/* the page that is torn */
	uint32_t *count, *at;	/* by page: writes to it, and how many were played */
	struct image *to;
};

static void cut_write(struct cut *c, const struct crash_step *s, bool counts)
{
	for (uint64_t at = s->at, end = s->at + s->n; at < end;) {
		uint64_t page = at / PAGE, stop = (page + 1) * PAGE < end ? (page + 1) * PAGE : end;

		if (counts) {
			c->count[page]++;
			at = stop;
			continue;
		}
		c->at[page]++;
		while (at < stop) {
			uint64_t sector = at / SECTOR, to = (sector + 1) * SECTOR < stop ? (sector + 1) * SECTOR : stop;

			if (c->at[page] <= state_of(c->seed, page, page == c->torn ? sector + 1 : 0, c->count[page]))
				image_put(c->to, at, s->p + (at - s->at), to - at);
			at = to;
		}
	}
}

/* What is left of a file; next is the write that was under way, or NULL. */
static void cut_file(const struct node *x, const struct crash_step *next, uint64_t seed, struct image *to)
{
	uint64_t end = x->now.n, pages;
	struct cut c = { .seed = seed, .to = to };

	if (next != NULL && next->at + next->n > end)
		end = next->at + next->n;
	for (uint32_t i = 0; i < x->pending_n; i++) {
		const struct crash_step *s = crash_step(x->pending[i]);

		if (s->at + s->n > end)
			end = s->at + s->n;
	}
	pages = end / PAGE + 1;
	c.count = calloc(pages, sizeof(*c.count));
	c.at = calloc(pages, sizeof(*c.at));
	assert(c.count != NULL && c.at != NULL);
	for (uint32_t i = 0; i <= x->pending_n; i++) {
		const struct crash_step *s = i < x->pending_n ? crash_step(x->pending[i]) : next;

		if (s != NULL && s->what != CRASH_LENGTH) {
			cut_write(&c, s, true);
			if (mix(seed + i) % (i + 1) == 0)
				c.torn = (s->at + mix(seed ^ i) % s->n) / PAGE;
		}
	}
	image_copy(to, &x->safe);
	for (uint32_t i = 0; i <= x->pending_n; i++) {
		const struct crash_step *s = i < x->pending_n ? crash_step(x->pending[i]) : next;

		if (s != NULL && s->what != CRASH_LENGTH)
			cut_write(&c, s, false);
		else if (s != NULL && mix(seed ^ i * 7919u) % 2 == 0)
			image_length(to, s->n);
	}
	if (to->n < x->now.n && mix(seed + 1) % 2 == 0)
		image_length(to, x->now.n);
	free(c.count);
	free(c.at);
}

/* The names as they stand: of each folder's changes the first few. */
static void cut_names(const struct disk *d, uint64_t seed, struct names *to)
{
	names_copy(to, &d->safe);
	for (uint32_t i = 0; i < d->changes; i++) {
		char parent[CRASH_PATH], other[CRASH_PATH];
		uint32_t before = 0, all = 0;
		uint64_t r = seed;

		parent_of(crash_step(d->change[i].step)->path, parent);
		for (const char *p = parent; *p != '\0'; p++)
			r = mix(r ^ (uint64_t)*p);
		for (uint32_t j = 0; j < d->changes; j++) {
			parent_of(crash_step(d->change[j].step)->path, other);
			before += j < i && strcmp(parent, other) == 0;
			all += strcmp(parent, other) == 0;
		}
		if (before < mix(r) % (all + 1))
			names_change(to, &d->change[i]);
	}
}

void disk_cut(const struct disk *d, const char *to, uint64_t seed)
{
	uint32_t node = UINT32_MAX;
	const struct crash_step *s = under_way(d, &node);
	struct names names = { 0 };
	struct image left = { 0 };

	fresh_folder(to);
	cut_names(d, seed, &names);
	save_folders(d, &names, to);
	for (uint32_t i = 0; i < names.n; i++) {
		const struct name *name = &names.name[i];
		const struct node *x = &d->node[name->node];
		const struct crash_step *next = name->node == node ? s : NULL;

		if (x->folder || !has_parent(name, to))
			continue;
		if (x->pending_n == 0 && next == NULL) {
			save(d, name, &x->safe, to);
			continue;
		}
		image_length(&left, 0);
		cut_file(x, next, mix(seed ^ mix(name->node)), &left);
		save(d, name, &left, to);
	}
	free(left.p);
	free(names.name);
}
