import Tables

/// Units that are put in the order of their records, in memory up to a limit, beyond it on disk.
final class OrderedUnits {
  private let batchLimit: Int
  private var batch = ByteBuffer(capacity: 1 << 16)
  private var starts: [Int] = []
  private let spilled: SortedRuns

  init(memoryLimit: Int) {
    // A buffer that grows is there twice, and the larger one has twice the room.
    batchLimit = max(memoryLimit / 3, 1 << 20)
    spilled = SortedRuns(memory: memoryLimit)
  }

  private func record(_ start: Int) -> UnitRecord { UnitRecord(base: UnsafePointer(batch.base + start)) }

  /// The unit that was appended last; valid until the next is.
  var last: UnitRecord { record(starts[starts.count - 1]) }

  /// Appends a record, which `write` begins and leaves open.
  func append(_ write: (ByteBuffer) -> Void) throws {
    // The last one may still be extended, so it is never on disk.
    if batch.count + starts.capacity * 8 > batchLimit { try spill() }
    starts.append(batch.count)
    write(batch)
    UnitRecord.end(starts[starts.count - 1], in: batch)
  }

  /// Appends quantiles to the last unit.
  func extendLast(_ write: (ByteBuffer) -> Void) {
    write(batch)
    UnitRecord.end(starts[starts.count - 1], in: batch)
  }

  private func sortBatch() {
    let isSorted = zip(starts, starts.dropFirst()).allSatisfy { record($0).order <= record($1).order }
    if !isSorted { starts.sort { record($0).order < record($1).order } }
  }

  private func spill() throws {
    sortBatch()
    try spilled.addRun { buffer, flush in
      for start in starts {
        buffer.append(UnsafePointer(batch.base + start), count: record(start).size)
        try flush()
      }
    }
    batch.removeAll()
    starts = []
  }

  func forEach(_ body: UnitStore.Visitor) throws {
    if spilled.isEmpty {
      sortBatch()
      for start in starts { try body(record(start).pass, record(start).isMatched) { try record(start).forEachRun($0) } }
      return
    }
    try spill()
    batch = ByteBuffer(capacity: 64)
    try spilled.merge { record in try body(record.pass, record.isMatched) { try record.forEachRun($0) } }
  }
}
