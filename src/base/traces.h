/*
 * What a computation leaves behind where no buffer was wiped: the stack below its caller, and vector registers in which the
 * C library copied it. A sleeping process's memory holds both.
 */
#ifndef CV_BASE_TRACES_H
#define CV_BASE_TRACES_H

/*
 * Overwrite 64 KiB of stack below the caller and, on x86-64, the vector registers. About a microsecond; call it before a
 * process goes to sleep, not between requests. It cannot reach registers that the kernel saved for another thread.
 */
void traces_wipe(void);

#endif
