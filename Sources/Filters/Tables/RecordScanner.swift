import Glibc

/// Finds where records end in bytes that arrive piece by piece; every byte is looked at once.
struct RecordScanner {
  private let format: TableFormat
  private var inQuotes = false
  private var afterQuote = false
  private var atFieldStart = true

  init(format: TableFormat) { self.format = format }

  /// Looks at `bytes[from...]`, which continue what was seen before. Returns the end of the last whole record in `bytes`.
  mutating func scan(_ bytes: UnsafeBufferPointer<UInt8>, from: Int) -> Int? {
    guard let base = bytes.baseAddress, from < bytes.count else { return nil }
    guard case .separated(let delimiter) = format, inQuotes || afterQuote || memchr(base + from, 0x22, bytes.count - from) != nil else {
      let last = bytes[from...].lastIndex(of: 10).map { $0 + 1 }
      if case .separated(let delimiter) = format {
        let lastByte = bytes[bytes.count - 1]
        atFieldStart = lastByte == 10 || lastByte == delimiter
      }
      return last
    }
    var last: Int?
    var p = from
    while p < bytes.count {
      if inQuotes {
        guard let quote = memchr(base + p, 0x22, bytes.count - p) else { break }
        p = base.distance(to: quote.assumingMemoryBound(to: UInt8.self)) + 1
        inQuotes = false
        afterQuote = true
        continue
      }
      let byte = base[p]
      p += 1
      if byte == 0x22, atFieldStart || afterQuote {
        inQuotes = true
        atFieldStart = false
        afterQuote = false
        continue
      }
      afterQuote = false
      atFieldStart = byte == delimiter
      if byte == 10 {
        last = p
        atFieldStart = true
      }
    }
    return last
  }
}
