/* What glibc's malloc.h has and Swift's Glibc leaves out. */
#include <malloc.h>
