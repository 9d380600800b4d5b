/*
 * What a computation leaves behind where no buffer was wiped: the stack below its caller, and vector registers in which the
 * C library copied it. A sleeping process's memory holds both.
 */
#ifndef CV_BASE_TRACES_H
#define CV_BASE_TRACES_H

#define TRACES_MS 2	/* idle for so long, a process wipes its traces; a busy one would only lose its cache to it */

/*
 * Overwrite 64 KiB of stack below the caller and, on x86-64, the vector registers. Call it before a process goes to sleep for
 * longer than TRACES_MS, not between requests. It cannot reach registers that the kernel saved for another thread.
 */
void traces_wipe(void);

#endif
