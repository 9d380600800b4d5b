/* The secrets of a re-wrap, as a ceremony of custodians gives them. */
#include "base/error.h"
#include "keys/change.h"
#include "keys/rewrap_internal.h"

/* How many epochs the classes have in the directory. 0 or why they are not what was named. */
static int count_epochs(const struct keys *k, const struct rewrap_class *class, unsigned n, unsigned *ret)
{
	unsigned epochs = 0, found = 0;
	size_t rows;
	const struct class_entry *e = directory_classes(k, &rows);

	if (n == 0 || n > REWRAP_CLASSES_MAX)
		return CV_ERR_ARG;
	for (unsigned i = 1; i < n; i++)
		if (class[i - 1].class_key >= class[i].class_key)
			return CV_ERR_ARG;
	for (size_t i = 0; i < rows; i++) {
		const struct rewrap_class *c = rewrap_class_find(class, n, e[i].class_key);

		if (c == NULL)
			continue;
		if (e[i].epoch > c->newest)
			return CV_ERR_CONFLICT;
		epochs++;
		found += e[i].epoch == c->newest;
	}
	*ret = epochs;
	return found != n ? CV_ERR_NOTFOUND : epochs > REWRAP_EPOCHS_MAX ? CV_ERR_LIMIT : 0;
}

int rewrap_keys_open(struct keys *k, const struct custody *c, const struct rewrap_class *classes, unsigned n, struct rewrap_keys **ret)
{
	struct rewrap_keys *x;
	unsigned epochs;
	size_t rows;
	const struct class_entry *e = directory_classes(k, &rows);
	int r;

	if ((r = count_epochs(k, classes, n, &epochs)) != 0)
		return r;
	if ((x = rewrap_keys_new(classes, n, epochs)) == NULL)
		return CV_ERR_NOMEM;
	for (size_t i = 0; r == 0 && i < rows; i++) {
		if (rewrap_class_find(classes, n, e[i].class_key) == NULL)
			continue;
		r = change_class_secret(k, c, e[i].class_key, e[i].epoch, rewrap_keys_place(x, e[i].class_key, e[i].epoch));
		if (r == 0)
			rewrap_keys_added(x);
	}
	if (r == 0) {
		*ret = x;
		x = NULL;	/* transferred */
	}
	rewrap_keys_free(x);
	return r;
}

unsigned rewrap_classes_old(const struct keys *k, struct rewrap_class ret[REWRAP_CLASSES_MAX], unsigned *ret_epochs)
{
	unsigned n = 0, epochs = 0;
	size_t rows;
	const struct class_entry *e = directory_classes(k, &rows);

	/* Epochs of a class stand together, the newest last. */
	for (size_t i = 0; i + 1 < rows; i++) {
		if (e[i].class_key != e[i + 1].class_key)
			continue;
		epochs++;
		if ((n == 0 || ret[n - 1].class_key != e[i].class_key) && n < REWRAP_CLASSES_MAX)
			ret[n++].class_key = e[i].class_key;
		if (ret[n - 1].class_key == e[i].class_key)
			ret[n - 1].newest = e[i + 1].epoch;
	}
	*ret_epochs = epochs;
	return n;
}
