import CNumberText
import Glibc

/// A growable run of bytes that is refilled again and again without allocating.
public final class ByteBuffer {
  public private(set) var base: UnsafeMutablePointer<UInt8>
  public private(set) var count = 0
  public private(set) var capacity: Int

  public init(capacity: Int = 1 << 16) {
    self.capacity = max(capacity, 64)
    base = .allocate(capacity: self.capacity)
  }

  deinit { base.deallocate() }

  public var bytes: UnsafeBufferPointer<UInt8> { UnsafeBufferPointer(start: base, count: count) }

  /// Makes room for `extra` more bytes.
  @inline(__always) public func reserve(_ extra: Int) {
    if count + extra > capacity { grow(to: count + extra) }
  }

  private func grow(to needed: Int) {
    let newCapacity = max(needed, capacity * 2)
    let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: newCapacity)
    memcpy(larger, base, count)
    base.deallocate()
    base = larger
    capacity = newCapacity
  }

  public func removeAll() { count = 0 }

  public func truncate(to count: Int) { self.count = min(count, self.count) }

  public func append(_ byte: UInt8) {
    reserve(1)
    base[count] = byte
    count += 1
  }

  public func append(_ start: UnsafePointer<UInt8>, count extra: Int) {
    reserve(extra)
    memcpy(base + count, start, extra)
    count += extra
  }

  public func append(_ bytes: UnsafeBufferPointer<UInt8>) {
    if let start = bytes.baseAddress { append(start, count: bytes.count) }
  }

  public func append(_ bytes: [UInt8]) { bytes.withUnsafeBufferPointer { append($0) } }

  public func append(_ text: String) {
    var text = text
    text.withUTF8 { append($0) }
  }

  /// Takes what `fill` writes past the end: it gets the free space, at least `room` bytes, and returns how many it wrote.
  public func append(room: Int, _ fill: (UnsafeMutablePointer<UInt8>, Int) throws -> Int) rethrows -> Int {
    reserve(room)
    let written = try fill(base + count, capacity - count)
    count += written
    return written
  }

  /// A finite number, shortest round trip, or rounded to `digits` decimals.
  public func append(number: Double, digits: Int?) {
    reserve(352)
    let target = UnsafeMutableRawPointer(base + count).assumingMemoryBound(to: CChar.self)
    // Not `count +=`, which would keep an access open, and checked, across the call.
    let written = digits.map { number_text_write_rounded(target, number, Int32($0)) } ?? number_text_write(target, number)
    count += written
  }

  /// Drops the first `n` bytes.
  public func removeFirst(_ n: Int) {
    count -= n
    memmove(base, base + n, count)
  }
}
