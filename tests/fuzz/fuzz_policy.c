/* Policy documents, FORMAT.md section 11. */
#include "fuzz.h"
#include "model/model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct policy_fault fault = { .text = NULL };
	struct policy *p = NULL;
	int r = policy_decode_explain(data, size, &p, &fault);

	MUST((r == 0) == (p != NULL));
	MUST(r != CV_ERR_INVALID || fault.text != NULL);
	/* What was accepted can be asked for everything it has. */
	for (unsigned i = 0; r == 0 && i < policy_fields(p); i++)
		MUST(policy_field(p, i)->name != NULL && policy_field(p, i)->views <= POLICY_VIEWS);
	for (unsigned i = 0; r == 0 && i < policy_classes(p); i++)
		MUST(policy_class(p, i)->name != NULL);
	for (unsigned i = 0; r == 0 && i < policy_roles(p); i++)
		MUST(policy_role(p, i)->name != NULL);
	for (unsigned i = 0; r == 0 && i < policy_purposes(p); i++)
		MUST(policy_purpose(p, i)->name != NULL);
	policy_free(p);
	return 0;
}
