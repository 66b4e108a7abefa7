#pragma once
#include <time.h>

#ifdef __cplusplus
extern "C" {
#endif

/// strptime of POSIX, which Swift's Glibc does not show: reads `text` by `format` into `parts`. Returns where what was read ends, NULL where the
/// text has another form.
const char *time_text_read(const char *text, const char *format, struct tm *parts);

#ifdef __cplusplus
}
#endif
