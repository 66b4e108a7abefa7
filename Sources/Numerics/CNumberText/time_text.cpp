#include "time_text.h"

#include <time.h>

extern "C" const char *time_text_read(const char *text, const char *format, struct tm *parts) { return strptime(text, format, parts); }
