import Glibc
import Groundwork

/// The records of a table stored for learning: in memory up to a limit, beyond it in a temporary file that has no name, so
/// nothing is left behind however the process ends.
public final class RawStore: BlockSource {
  private struct Chunk {
    var rows: Int
    var firstRow: Int
    var count: Int
    /// Where the bytes are in memory, or in the file.
    var slab: PageMemory?
    var offset: Int
    /// Positions of records that are passed over, increasing.
    var omitted: [Int] = []
  }

  /// Chunks grow to this size, so that reading back is a few large reads.
  private static let chunkSize = 1 << 18
  /// Many chunks lie in one stretch of memory, which goes when the last of them does.
  private static let slabSize = 1 << 23

  private let memoryLimit: Int
  private var chunks: [Chunk] = []
  private var memoryUsed = 0
  /// Bytes of the last chunk's slab that are taken.
  private var slabUsed = 0
  /// The next row is not the last chunk's next.
  private var isInterrupted = false
  private var file: Int32 = -1
  private var fileSize = 0
  private var nextChunk = 0
  public private(set) var rows = 0

  /// `memoryLimit` in bytes.
  public init(memoryLimit: Int) { self.memoryLimit = memoryLimit }

  deinit { if file >= 0 { close(file) } }

  func append(_ newRows: Rows) throws {
    guard newRows.count > 0 else { return }
    let pieces = newRows.wholeBlock.map { [$0] } ?? (0..<newRows.count).map { newRows[$0].record }
    // Each may need a line end before it.
    try makeRoom(pieces.reduce(0) { $0 + $1.count + 1 })
    let last = chunks.count - 1
    let before = slabUsed
    for piece in pieces { append(piece, to: &chunks[last]) }
    memoryUsed += slabUsed - before
    chunks[last].rows += newRows.count
    rows += newRows.count
  }

  /// Counts rows that are never answered.
  func skip(_ count: Int) {
    rows += count
    isInterrupted = true
  }

  /// Leaves a last chunk that takes `extra` bytes more.
  private func makeRoom(_ extra: Int) throws {
    if let last = chunks.last, !isInterrupted, last.count < RawStore.chunkSize, slabUsed + extra <= last.slab!.capacity { return }
    try spillIfNeeded()
    var slab = chunks.last?.slab
    if slab == nil || slabUsed + extra > slab!.capacity {
      slab = PageMemory(capacity: max(RawStore.slabSize, extra))
      guard slab != nil else { throw Failure(.unavailable, "there is no memory for the table", remedy: "lower --memory") }
      slabUsed = 0
    }
    chunks.append(Chunk(rows: 0, firstRow: rows, count: 0, slab: slab, offset: slabUsed))
    isInterrupted = false
  }

  private func append(_ bytes: UnsafeBufferPointer<UInt8>, to chunk: inout Chunk) {
    let base = chunk.slab!.base
    // A record without a line end can only be the last of its input: within a chunk it needs one before the next record.
    if chunk.count > 0, base[slabUsed - 1] != 10 {
      base[slabUsed] = 10
      slabUsed += 1
    }
    if let start = bytes.baseAddress { memcpy(base + slabUsed, start, bytes.count) }
    slabUsed += bytes.count
    chunk.count = slabUsed - chunk.offset
  }

  /// Moves full chunks to the file while memory is over its limit.
  private func spillIfNeeded() throws {
    guard memoryUsed > memoryLimit else { return }
    if file < 0 { file = try RawStore.unnamedFile() }
    for i in chunks.indices {
      guard let slab = chunks[i].slab else { continue }
      let bytes = UnsafeBufferPointer(start: slab.base + chunks[i].offset, count: chunks[i].count)
      var done = 0
      while done < bytes.count {
        let written = pwrite(file, bytes.baseAddress! + done, bytes.count - done, fileSize + done)
        if written < 0, errno == EINTR { continue }
        guard written > 0 else { throw RawStore.failure("cannot write a temporary file") }
        done += written
      }
      chunks[i].offset = fileSize
      chunks[i].slab = nil
      fileSize += chunks[i].count
      memoryUsed -= chunks[i].count
    }
  }

  /// A temporary file in `TMPDIR`, or in /tmp, that has no name any more.
  public static func unnamedFile() throws -> Int32 {
    let folder = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    var template = Array((folder + "/quantile-filter.XXXXXX").utf8CString)
    let descriptor = mkstemp(&template)
    guard descriptor >= 0 else { throw failure("cannot create a temporary file in \(folder)", .cannotCreate) }
    unlink(template)
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    return descriptor
  }

  /// What `errno` says of a temporary file.
  public static func failure(_ cause: String, _ status: Failure.Status = .inputOutput) -> Failure {
    Failure(status, cause + ": " + systemMessage(), remedy: "set TMPDIR to a folder with room, or raise --memory")
  }

  /// Once all rows were appended, lets go of chunks without a `wanted` row; the rows of the others keep their numbers.
  func forget(unless wanted: (Int) -> Bool) {
    chunks.removeAll { chunk in !(chunk.firstRow..<chunk.firstRow + chunk.rows).contains(where: wanted) }
  }

  /// Once all rows were appended, leaves out those with these numbers, increasing; the others are numbered anew.
  func omit(_ numbers: [Int]) {
    var next = 0
    for i in chunks.indices {
      let first = chunks[i].firstRow
      while next < numbers.count, numbers[next] < first { next += 1 }
      chunks[i].firstRow -= next
      while next < numbers.count, numbers[next] < first + chunks[i].rows {
        chunks[i].omitted.append(numbers[next] - first)
        next += 1
      }
      chunks[i].rows -= chunks[i].omitted.count
    }
    rows -= numbers.count
  }

  /// Starts reading from the first row again.
  public func rewind() { nextChunk = 0 }

  public func next(into block: Block) throws -> Bool {
    guard nextChunk < chunks.count else { return false }
    let chunk = chunks[nextChunk]
    nextChunk += 1
    block.buffer.removeAll()
    block.firstRow = chunk.firstRow
    block.omitted = chunk.omitted
    block.linesBefore = nil
    block.rowLines = nil
    block.places = nil
    block.progress = Double(nextChunk) / Double(chunks.count)
    if let slab = chunk.slab {
      block.buffer.append(UnsafePointer(slab.base) + chunk.offset, count: chunk.count)
      return true
    }
    var done = 0
    while done < chunk.count {
      let count = block.buffer.append(room: chunk.count - done) { target, _ in
        max(0, pread(file, target, chunk.count - done, chunk.offset + done))
      }
      guard count > 0 else { throw RawStore.failure("cannot read a temporary file") }
      done += count
    }
    return true
  }
}
