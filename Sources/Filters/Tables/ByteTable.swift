import Glibc
import Groundwork

/// A hash of bytes: 64 bits, mixed eight bytes at a time by multiplication (after Yann Collet's and Wang Yi's hashes).
@inline(__always)
public func hash(_ bytes: UnsafeBufferPointer<UInt8>) -> UInt64 {
  var state: UInt64 = 0x9E37_79B9_7F4A_7C15 ^ UInt64(bytes.count)
  guard let base = bytes.baseAddress else { return state }
  @inline(__always) func mix(_ word: UInt64) {
    let product = (state ^ word).multipliedFullWidth(by: 0xD6E8_FEB8_6659_FD93)
    state = product.low ^ product.high
  }
  var p = 0
  while p + 8 <= bytes.count {
    mix(UnsafeRawPointer(base + p).loadUnaligned(as: UInt64.self))
    p += 8
  }
  var rest: UInt64 = 0
  memcpy(&rest, base + p, bytes.count - p)
  mix(rest)
  mix(0x2545_F491_4F6C_DD1D)
  return state
}

/// Numbers byte strings 0, 1, … in the order they are added: a hash table with open addressing.
public struct ByteTable {
  private var slots: [UInt64] = Array(repeating: 0, count: 64)
  private var keys: [(start: UnsafePointer<UInt8>, count: Int)] = []
  private let arena = Arena()

  public init() {}

  public var count: Int { keys.count }

  /// A slot holds the upper half of the hash, and one more than the number; 0 is empty.
  @inline(__always)
  private func slot(_ key: UnsafeBufferPointer<UInt8>, _ hash: UInt64) -> (index: Int, number: Int?) {
    let mask = slots.count - 1
    var i = Int(truncatingIfNeeded: hash) & mask
    while true {
      let slot = slots[i]
      if slot == 0 { return (i, nil) }
      if slot >> 32 == hash >> 32 {
        let number = Int(slot & 0xFFFF_FFFF) - 1
        let known = keys[number]
        if known.count == key.count, key.count == 0 || memcmp(known.start, key.baseAddress!, key.count) == 0 { return (i, number) }
      }
      i = (i + 1) & mask
    }
  }

  @inline(__always)
  public func find(_ key: UnsafeBufferPointer<UInt8>) -> Int? { slot(key, hash(key)).number }

  /// The number of a key, and whether it is new.
  public mutating func add(_ key: UnsafeBufferPointer<UInt8>) throws -> (number: Int, isNew: Bool) {
    let hash = hash(key)
    let (index, known) = slot(key, hash)
    if let known { return (known, false) }
    let copy = try arena.allocate(max(1, key.count))
    if let base = key.baseAddress { memcpy(copy, base, key.count) }
    keys.append((UnsafePointer(copy), key.count))
    slots[index] = (hash >> 32) << 32 | UInt64(keys.count)
    if keys.count * 2 > slots.count { grow() }
    return (keys.count - 1, true)
  }

  private mutating func grow() {
    slots = Array(repeating: 0, count: slots.count * 2)
    let mask = slots.count - 1
    for (number, key) in keys.enumerated() {
      let hash = hash(UnsafeBufferPointer(start: key.start, count: key.count))
      var i = Int(truncatingIfNeeded: hash) & mask
      while slots[i] != 0 { i = (i + 1) & mask }
      slots[i] = (hash >> 32) << 32 | UInt64(number + 1)
    }
  }
}
