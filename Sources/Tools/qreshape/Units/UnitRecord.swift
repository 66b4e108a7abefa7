import Glibc
import Tables

/// A unit as bytes, for sorting: an order, a tie breaker, and the rest.
///
/// Layout: sizes of the record, of `tie`, of `pass` (8 bytes each), `order`, `first`, `isMatched` (8 each), `tie`, `pass`,
/// then quantile runs: line, model, byte count (8 each), bytes.
struct UnitRecord {
  static let headSize = 48
  let base: UnsafePointer<UInt8>

  private func word(_ i: Int) -> UInt64 { UnsafeRawPointer(base + 8 * i).loadUnaligned(as: UInt64.self) }
  var size: Int { Int(word(0)) }
  private var tieCount: Int { Int(word(1)) }
  private var passCount: Int { Int(word(2)) }
  var order: UInt64 { word(3) }
  /// Number of the unit's first row.
  var first: UInt64 { word(4) }
  var isMatched: Bool { word(5) != 0 }
  var tie: UnsafeBufferPointer<UInt8> { UnsafeBufferPointer(start: base + UnitRecord.headSize, count: tieCount) }
  var pass: UnsafeBufferPointer<UInt8> { UnsafeBufferPointer(start: base + UnitRecord.headSize + tieCount, count: passCount) }
  private var runs: UnsafeBufferPointer<UInt8> {
    let start = UnitRecord.headSize + tieCount + passCount
    return UnsafeBufferPointer(start: base + start, count: size - start)
  }

  func forEachRun(_ body: (CellRun) throws -> Void) rethrows {
    let runs = runs
    var p = 0
    while p < runs.count {
      let head = UnsafeRawPointer(runs.baseAddress! + p)
      let count = Int(head.loadUnaligned(fromByteOffset: 16, as: UInt64.self))
      try body(
        CellRun(
          line: head.loadUnaligned(as: UInt64.self), model: Int(head.loadUnaligned(fromByteOffset: 8, as: UInt64.self)),
          bytes: UnsafeBufferPointer(start: runs.baseAddress! + p + 24, count: count)))
      p += 24 + count
    }
  }

  /// Begins a record at the end of `buffer`; runs are appended then, and `end` closes it.
  static func begin(
    order: UInt64, first: UInt64, isMatched: Bool, tie: UnsafeBufferPointer<UInt8>, pass: UnsafeBufferPointer<UInt8>, in buffer: ByteBuffer
  ) {
    for word in [0, UInt64(tie.count), UInt64(pass.count), order, first, isMatched ? 1 : 0] { append(word, to: buffer) }
    buffer.append(tie)
    buffer.append(pass)
  }

  static func append(_ run: CellRun, to buffer: ByteBuffer) {
    append(run.line, to: buffer)
    append(UInt64(run.model), to: buffer)
    append(UInt64(run.bytes.count), to: buffer)
    buffer.append(run.bytes)
  }

  /// Closes the record that begins at `start`.
  static func end(_ start: Int, in buffer: ByteBuffer) {
    UnsafeMutableRawPointer(buffer.base + start).storeBytes(of: UInt64(buffer.count - start), as: UInt64.self)
  }

  private static func append(_ word: UInt64, to buffer: ByteBuffer) {
    withUnsafeBytes(of: word) { buffer.append($0.assumingMemoryBound(to: UInt8.self)) }
  }

  /// Whether this record comes before another: by order, then by tie breaker.
  func precedes(_ other: UnitRecord) -> Bool { order != other.order ? order < other.order : UnitRecord.compare(tie, other.tie) < 0 }

  static func compare(_ a: UnsafeBufferPointer<UInt8>, _ b: UnsafeBufferPointer<UInt8>) -> Int {
    let common = min(a.count, b.count)
    let order = common == 0 ? 0 : Int(memcmp(a.baseAddress!, b.baseAddress!, common))
    return order != 0 ? order : a.count - b.count
  }
}
