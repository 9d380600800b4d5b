/*
 * Synthetic children's files for the profile child-welfare, made from a seed. No file describes a person.
 *
 * Identity numbers carry a correct check character and a real province, but 99 as prefecture, which no division table
 * assigns, so none was ever issued; telephone numbers begin with 1540000, which no operator was given; account numbers begin
 * with 000000, which no bank has. File k of a seed is the same whatever else is made, and identity numbers are distinct
 * within a seed for k below 10^10. Pure; any thread.
 */
#ifndef CV_SUPPORT_SYNTH_H
#define CV_SUPPORT_SYNTH_H

#include <stddef.h>
#include <stdint.h>

#define SYNTH_MAX 4096u		/* no file's JSON is longer */
#define SYNTH_FIELDS 25u	/* fields of each */

/*
 * Write the JSON object of file k's fields, {"name":...}, and a NUL to ret (room SYNTH_MAX); returns its length. About
 * 1,300 bytes of UTF-8. The intake application may write all of them, for the purpose intake.
 */
size_t synth_file(uint64_t seed, uint64_t k, char ret[SYNTH_MAX]);
/* The field names of every file, in the order of synth_file. Static. */
const char *const *synth_names(void);

#endif
