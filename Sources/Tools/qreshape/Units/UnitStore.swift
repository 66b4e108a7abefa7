import Glibc
import Tables

/// Units by their key, with the quantiles that were met so far: in memory up to a limit, beyond it on disk.
///
/// A hash table finds a unit; its quantiles hang on it as a chain of runs. Over the limit all units go to a sorted run on disk, by
/// hash and key, and the table starts anew; at the end the runs are merged, which brings the parts of a unit together, and sorted
/// once more by the units' first rows, half the memory for either sort. Memory is the limit, time n log n at worst.
final class UnitStore {
  struct Unit {
    var hash: UInt64
    var first: UInt64
    var key: UnsafeMutablePointer<UInt8>
    var keyCount: Int
    /// What passes through stands behind the key where it is not the key itself.
    var passCount: Int
    var isMatched: Bool
    var head: UnsafeMutablePointer<UInt8>?
    var tail: UnsafeMutablePointer<UInt8>?

    var keyBytes: UnsafeBufferPointer<UInt8> { UnsafeBufferPointer(start: key, count: keyCount) }
    var pass: UnsafeBufferPointer<UInt8> { passCount < 0 ? keyBytes : UnsafeBufferPointer(start: key + keyCount, count: passCount) }

    /// The runs of quantiles: a pointer to the next, line, model, byte count (8 bytes each), bytes.
    func forEachRun(_ body: (CellRun) throws -> Void) rethrows {
      var next = head
      while let run = next {
        let words = UnsafeRawPointer(run).assumingMemoryBound(to: UInt64.self)
        try body(CellRun(line: words[1], model: Int(words[2] & 0xFFFF_FFFF), bytes: UnsafeBufferPointer(start: run + 24, count: Int(words[2] >> 32))))
        next = UnsafeMutablePointer(bitPattern: UInt(words[0]))
      }
    }
  }

  private let memoryLimit: Int
  private let arena = Arena()
  private var units: [Unit] = []
  private var slots: [UInt64] = Array(repeating: 0, count: 1 << 6)
  private let spilled: SortedRuns
  /// Keeps what only warms the cache from being left out.
  private var warmth: UInt8 = 0

  init(memoryLimit: Int) {
    self.memoryLimit = memoryLimit
    spilled = SortedRuns(memory: memoryLimit / 2)
  }

  var count: Int { units.count }

  /// The unit with this key; where it is new, `create` makes it.
  @inline(__always)
  func find(_ key: UnsafeBufferPointer<UInt8>, _ hash: UInt64, create: () throws -> Unit) throws -> Int {
    let mask = slots.count - 1
    var i = Int(truncatingIfNeeded: hash) & mask
    while true {
      let slot = slots[i]
      if slot == 0 { break }
      if slot >> 32 == hash >> 32 {
        let index = Int(slot & 0xFFFF_FFFF) - 1
        if units[index].keyCount == key.count, memcmp(units[index].key, key.baseAddress!, key.count) == 0 { return index }
      }
      i = (i + 1) & mask
    }
    units.append(try create())
    slots[i] = (hash >> 32) << 32 | UInt64(units.count)
    if units.count * 2 > slots.count { grow() }
    return units.count - 1
  }

  /// Reads what the next `find`s and `append`s will need into the cache: reads that do not wait for each other cost a fraction of
  /// those one by one, where rows come in random order.
  func warm(_ hashes: [UInt64]) {
    let mask = slots.count - 1
    var sum: UInt8 = 0
    slots.withUnsafeBufferPointer { slots in
      units.withUnsafeBufferPointer { units in
        for hash in hashes {
          let slot = slots[Int(truncatingIfNeeded: hash) & mask]
          if slot == 0 { continue }
          let index = Int(slot & 0xFFFF_FFFF) - 1
          sum &+= units[index].key[0]
          if let tail = units[index].tail { sum &+= tail[0] }
        }
      }
    }
    warmth = sum
  }

  /// Reads the chains of some units into the cache, all of them a link at a time.
  private func warm(_ units: ArraySlice<Unit>) {
    var links = units.map { $0.head }
    var sum: UInt8 = 0
    var isMore = true
    while isMore {
      isMore = false
      for i in links.indices {
        guard let link = links[i] else { continue }
        sum &+= link[24]
        links[i] = UnsafeMutablePointer(bitPattern: UInt(UnsafeRawPointer(link).load(as: UInt64.self)))
        isMore = true
      }
    }
    warmth = sum
  }

  private func grow() {
    slots = Array(repeating: 0, count: slots.count * 4)
    let mask = slots.count - 1
    for (index, unit) in units.enumerated() {
      var i = Int(truncatingIfNeeded: unit.hash) & mask
      while slots[i] != 0 { i = (i + 1) & mask }
      slots[i] = (unit.hash >> 32) << 32 | UInt64(index + 1)
    }
  }

  func unit(_ index: Int) -> Unit { units[index] }

  /// Copies a key, and what passes through where that is something else.
  func keep(_ key: UnsafeBufferPointer<UInt8>, pass: UnsafeBufferPointer<UInt8>?) throws -> UnsafeMutablePointer<UInt8> {
    let copy = try arena.allocate(max(1, key.count + (pass?.count ?? 0)))
    memcpy(copy, key.baseAddress!, key.count)
    if let pass, let base = pass.baseAddress { memcpy(copy + key.count, base, pass.count) }
    return copy
  }

  /// Appends quantiles to a unit.
  func append(_ run: CellRun, to index: Int) throws {
    let copy = try arena.allocate(24 + run.bytes.count)
    let words = UnsafeMutableRawPointer(copy).assumingMemoryBound(to: UInt64.self)
    words[0] = 0
    words[1] = run.line
    words[2] = UInt64(run.bytes.count) << 32 | UInt64(run.model)
    memcpy(copy + 24, run.bytes.baseAddress!, run.bytes.count)
    if let tail = units[index].tail {
      UnsafeMutableRawPointer(tail).assumingMemoryBound(to: UInt64.self)[0] = UInt64(UInt(bitPattern: copy))
    } else {
      units[index].head = copy
    }
    units[index].tail = copy
  }

  func removeAll() {
    units.removeAll(keepingCapacity: true)
    arena.removeAll()
    // A table that was large is made anew: emptying it for each of many small ones would cost more.
    if slots.count > 1 << 6 { slots = Array(repeating: 0, count: 1 << 6) } else { slots.withUnsafeMutableBufferPointer { $0.update(repeating: 0) } }
  }

  // MARK: On disk

  /// Bytes in use, or in use for a moment where tables are about to grow, which are there twice then, or units are sorted.
  private var memoryUsed: Int {
    let soon = units.count + units.count / 8
    let unitRoom = units.capacity * (soon > units.capacity ? 3 : 1)
    let slotRoom = slots.count * (soon * 2 > slots.count ? 5 : 1)
    return arena.bytes + unitRoom * MemoryLayout<Unit>.stride + slotRoom * 8 + units.count * 12
  }

  /// Moves everything to disk where memory is over its limit.
  func spillIfNeeded() throws {
    if memoryUsed > max(memoryLimit, 1 << 20) { try spill() }
  }

  /// Moves everything to disk.
  private func spill() throws {
    let order = units.indices.sorted { a, b in
      units[a].hash != units[b].hash ? units[a].hash < units[b].hash : UnitRecord.compare(units[a].keyBytes, units[b].keyBytes) < 0
    }
    try spilled.addRun { buffer, flush in
      for index in order {
        UnitStore.write(units[index], order: units[index].hash, to: buffer)
        try flush()
      }
    }
    removeAll()
    units = []
  }

  private static func write(_ unit: Unit, order: UInt64, to buffer: ByteBuffer) {
    let start = buffer.count
    UnitRecord.begin(order: order, first: unit.first, isMatched: unit.isMatched, tie: unit.keyBytes, pass: unit.pass, in: buffer)
    unit.forEachRun { UnitRecord.append($0, to: buffer) }
    UnitRecord.end(start, in: buffer)
  }

  /// Takes what passes through, whether an observed value was joined, and what goes through the runs of quantiles.
  typealias Visitor = (_ pass: UnsafeBufferPointer<UInt8>, _ isMatched: Bool, _ runs: ((CellRun) throws -> Void) throws -> Void) throws -> Void

  /// Calls `body` for each unit in the order of first rows.
  func forEach(_ body: Visitor) throws {
    if spilled.isEmpty {
      for first in stride(from: 0, to: units.count, by: 16) {
        let some = units[first..<min(first + 16, units.count)]
        warm(some)
        for unit in some { try body(unit.pass, unit.isMatched) { try unit.forEachRun($0) } }
      }
      return
    }
    try spill()
    let ordered = OrderedUnits(memoryLimit: memoryLimit / 2)
    // Parts of one unit follow each other; the first of them has its first row.
    let tie = ByteBuffer(capacity: 256)
    var hash: UInt64?
    try spilled.merge { record in
      if record.order == hash, UnitRecord.compare(record.tie, tie.bytes) == 0 {
        return ordered.extendLast { buffer in record.forEachRun { UnitRecord.append($0, to: buffer) } }
      }
      hash = record.order
      tie.removeAll()
      tie.append(record.tie)
      try ordered.append { buffer in
        UnitRecord.begin(
          order: record.first, first: record.first, isMatched: record.isMatched, tie: UnsafeBufferPointer(start: nil, count: 0),
          pass: record.pass, in: buffer)
        record.forEachRun { UnitRecord.append($0, to: buffer) }
      }
    }
    try ordered.forEach(body)
  }
}
