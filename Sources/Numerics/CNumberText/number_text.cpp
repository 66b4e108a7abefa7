// libstdc++'s <charconv> behind a C interface: exactly rounded in, shortest round trip out, no locale.
#include "number_text.h"

#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <system_error>

extern "C" int number_text_read(const char *first, const char *last, double *value) {
  const char *start = first;
  if (start != last && *start == '+') {
    ++start;
    if (start != last && (*start == '-' || *start == '+')) return 1;
  }
  // from_chars also takes "inf" and "nan", which are not decimals.
  const char *digit = start;
  if (digit != last && *digit == '-') ++digit;
  if (digit == last || !((*digit >= '0' && *digit <= '9') || *digit == '.')) return 1;
  auto [end, error] = std::from_chars(start, last, *value);
  if (error == std::errc::invalid_argument || end != last) return 1;
  if (error == std::errc::result_out_of_range) {
    // Out of range is overflow or underflow: an exact reading tells which.
    size_t length = static_cast<size_t>(last - start);
    char *copy = static_cast<char *>(std::malloc(length + 1));
    if (!copy) return 1;
    std::memcpy(copy, start, length);
    copy[length] = 0;
    *value = std::strtod(copy, nullptr);
    std::free(copy);
    return std::isinf(*value) ? 2 : 0;
  }
  return 0;
}

// Decimals of at most 9 places and 15 digits, which are most that people and programs write, several times faster than by the
// general algorithm; 0 for any other value. Different decimals of 15 digits are different doubles, so one that reads back is shortest.
static size_t write_short_decimal(char *buffer, double value, double magnitude) {
  if (!(magnitude >= 1e-6 && magnitude < 1e6)) return 0;
  double scaled = magnitude * 1e9;
  uint64_t places = static_cast<uint64_t>(scaled + 0.5);
  // The first test is the cheap one; the exact division is what reading would do.
  double whole = static_cast<double>(places);
  if (std::fabs(scaled - whole) > scaled * 0x1p-51 || whole / 1e9 != magnitude) return 0;
  char *end = buffer;
  if (value < 0) *end++ = '-';
  end = std::to_chars(end, end + 8, static_cast<uint32_t>(places / 1000000000)).ptr;
  uint32_t fraction = static_cast<uint32_t>(places % 1000000000);
  if (fraction == 0) return static_cast<size_t>(end - buffer);
  *end = '.';
  for (int i = 9; i > 0; --i, fraction /= 10) end[i] = static_cast<char>('0' + fraction % 10);
  end += 10;
  while (end[-1] == '0') --end;
  return static_cast<size_t>(end - buffer);
}

extern "C" size_t number_text_write(char *buffer, double value) {
  // The shortest text may be 3e+05; where fixed notation needs few zeros people and other tools read it better.
  double magnitude = std::fabs(value);
  if (size_t length = write_short_decimal(buffer, value, magnitude)) return length;
  bool fixed = value == 0 || (magnitude >= 1e-6 && magnitude < 1e16);
  auto format = fixed ? std::chars_format::fixed : std::chars_format::scientific;
  return static_cast<size_t>(std::to_chars(buffer, buffer + 32, value, format).ptr - buffer);
}

extern "C" size_t number_text_write_rounded(char *buffer, double value, int digits) {
  char *end = std::to_chars(buffer, buffer + 352, value, std::chars_format::fixed, digits).ptr;
  if (digits > 0) {
    while (end[-1] == '0') --end;
    if (end[-1] == '.') --end;
  }
  if (end - buffer == 2 && buffer[0] == '-' && buffer[1] == '0') {
    buffer[0] = '0';
    return 1;
  }
  return static_cast<size_t>(end - buffer);
}
