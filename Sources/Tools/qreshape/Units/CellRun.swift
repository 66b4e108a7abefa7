import Groundwork
import Tables

/// Quantiles of one model that stood in neighbouring rows, and the line of the first: for each the number of its level, the length of
/// its text (both in base 128, low digits first, the top bit set on all but the last) and the text.
struct CellRun {
  let line: UInt64
  let model: Int
  let bytes: UnsafeBufferPointer<UInt8>
  /// Stands where a level does before the bytes of the row itself, which is kept where bad rows are.
  static let record = 1 << 30
  /// Likewise before the eight bytes of the unit's target, as these rows have it.
  static let target = record + 1

  /// Appends one quantile to bytes of this form.
  @inline(__always)
  static func append(level: Int, _ text: UnsafePointer<UInt8>, count: Int, to buffer: ByteBuffer) {
    appendNumber(level, to: buffer)
    appendNumber(count, to: buffer)
    buffer.append(text, count: count)
  }

  static func append(target: Double, to buffer: ByteBuffer) {
    withUnsafeBytes(of: target.bitPattern) {
      append(level: CellRun.target, $0.assumingMemoryBound(to: UInt8.self).baseAddress!, count: 8, to: buffer)
    }
  }

  /// The target that stands behind its mark.
  static func number(_ text: UnsafeBufferPointer<UInt8>) -> Double {
    Double(bitPattern: UnsafeRawPointer(text.baseAddress!).loadUnaligned(as: UInt64.self))
  }

  @inline(__always)
  private static func appendNumber(_ number: Int, to buffer: ByteBuffer) {
    var rest = number
    while rest > 127 {
      buffer.append(UInt8(rest & 127 | 128))
      rest >>= 7
    }
    buffer.append(UInt8(rest))
  }

  @inline(__always)
  static func number(_ bytes: UnsafeBufferPointer<UInt8>, _ p: inout Int) -> Int {
    var value = 0
    var shift = 0
    while true {
      let byte = bytes[p]
      p += 1
      value |= Int(byte & 127) << shift
      if byte < 128 { return value }
      shift += 7
    }
  }

  /// Calls `body` for each quantile in order.
  @inline(__always)
  func forEach(_ body: (_ level: Int, _ text: UnsafeBufferPointer<UInt8>) throws -> Void) rethrows {
    var p = 0
    while p < bytes.count {
      let level = CellRun.number(bytes, &p)
      let count = CellRun.number(bytes, &p)
      try body(level, UnsafeBufferPointer(rebasing: bytes[p..<p + count]))
      p += count
    }
  }
}

/// Lines of several inputs as one number: which input, and which line.
final class LineNumbers {
  private var inputs: [String] = []

  /// The number of an input, of which all lines come before those of the next.
  func input(_ name: String) -> Int {
    if inputs.last != name { inputs.append(name) }
    return inputs.count - 1
  }

  func code(input: Int, line: Int) -> UInt64 { UInt64(input) << 40 | UInt64(line) }

  func place(_ code: UInt64) -> Failure.Place { Failure.Place(input: inputs[Int(code >> 40)], line: Int(code & (1 << 40 - 1))) }
}
