import Glibc
import Tables

/// Records sorted on disk, as `sort` does it: runs of sorted records in a temporary file without a name, then merged.
final class SortedRuns {
  private let memory: Int
  private var file: Int32 = -1
  private var size = 0
  private var runs: [Range<Int>] = []
  /// Bytes on their way to the file.
  private let out = ByteBuffer(capacity: 1 << 20)

  /// `memory` in bytes, for windows on the runs.
  init(memory: Int) { self.memory = memory }

  deinit { if file >= 0 { close(file) } }

  var isEmpty: Bool { runs.isEmpty }

  /// Adds a run. `write` gives its records in order, each by calling its argument after appending it to the buffer.
  func addRun(_ write: (_ buffer: ByteBuffer, _ flush: () throws -> Void) throws -> Void) throws {
    if file < 0 { file = try RawStore.unnamedFile() }
    let start = size
    try write(out) { if out.count >= 1 << 20 { try flush() } }
    try flush()
    if size > start { runs.append(start..<size) }
  }

  private func flush() throws {
    var done = 0
    while done < out.count {
      let written = pwrite(file, out.base + done, out.count - done, size + done)
      if written < 0, errno == EINTR { continue }
      guard written > 0 else { throw RawStore.failure("cannot write a temporary file") }
      done += written
    }
    size += out.count
    out.removeAll()
  }

  /// Calls `body` with every record in order; equal ones come in the order of their runs. A record is valid until `body` returns.
  func merge(_ body: (UnitRecord) throws -> Void) throws {
    let window = max(1 << 14, min(1 << 20, memory / (runs.count + 1)))
    let cursors = runs.map { Cursor(file, $0, window) }
    for cursor in cursors { try cursor.advance() }
    // A heap of the runs, the one with the first record on top.
    var heap = Array(cursors.indices)
    func precedes(_ a: Int, _ b: Int) -> Bool {
      guard let x = cursors[a].record, let y = cursors[b].record else { return cursors[a].record != nil }
      return x.precedes(y) || (!y.precedes(x) && a < b)
    }
    func sink(_ from: Int) {
      var i = from
      while true {
        var least = i
        for child in [2 * i + 1, 2 * i + 2] where child < heap.count && precedes(heap[child], heap[least]) { least = child }
        if least == i { return }
        heap.swapAt(i, least)
        i = least
      }
    }
    for i in stride(from: heap.count / 2, through: 0, by: -1) where i < heap.count { sink(i) }
    while let first = heap.first, let record = cursors[first].record {
      try body(record)
      try cursors[first].advance()
      sink(0)
    }
  }

  /// Reads the records of one run through a window.
  private final class Cursor {
    private let file: Int32
    private var rest: Range<Int>
    private let buffer: ByteBuffer
    private let window: Int
    private var position = 0
    private(set) var record: UnitRecord?

    init(_ file: Int32, _ range: Range<Int>, _ window: Int) {
      self.file = file
      rest = range
      self.window = window
      buffer = ByteBuffer(capacity: window)
    }

    func advance() throws {
      if let record { position += record.size }
      record = nil
      if position == buffer.count, rest.isEmpty { return }
      try need(8)
      try need(UnitRecord(base: UnsafePointer(buffer.base + position)).size)
      record = UnitRecord(base: UnsafePointer(buffer.base + position))
    }

    /// Has `count` bytes from the position in the buffer.
    private func need(_ count: Int) throws {
      guard buffer.count - position < count else { return }
      buffer.removeFirst(position)
      position = 0
      while buffer.count < count {
        let wanted = min(rest.count, max(window, count) - buffer.count)
        let read = try buffer.append(room: wanted) { target, _ in
          let read = pread(file, target, wanted, rest.lowerBound)
          guard read > 0 || (read < 0 && errno == EINTR) else { throw RawStore.failure("cannot read a temporary file") }
          return max(0, read)
        }
        rest = rest.lowerBound + read..<rest.upperBound
      }
    }
  }
}
