import CMalloc
import Glibc
import Groundwork

/// The records of a table held for learning: in memory up to a limit, beyond it in a temporary file that has no name, so
/// nothing is left behind however the process ends.
public final class RawStore: BlockSource {
  private struct Chunk {
    var rows: Int
    var firstRow: Int
    var count: Int
    /// Bytes in memory, or where the file holds them.
    var bytes: [UInt8]
    var offset: Int
  }

  /// Chunks grow to this size, so that reading back is a few large reads.
  private static let chunkSize = 1 << 18

  private let memoryLimit: Int
  private var chunks: [Chunk] = []
  private var memoryUsed = 0
  private var file: Int32 = -1
  private var fileSize = 0
  private var nextChunk = 0
  public private(set) var rows = 0

  /// `memoryLimit` in bytes.
  public init(memoryLimit: Int) { self.memoryLimit = memoryLimit }

  deinit { if file >= 0 { close(file) } }

  func append(_ newRows: Rows) throws {
    guard newRows.count > 0 else { return }
    if chunks.isEmpty || chunks[chunks.count - 1].count >= RawStore.chunkSize {
      try spillIfNeeded()
      chunks.append(Chunk(rows: 0, firstRow: rows, count: 0, bytes: [], offset: -1))
    }
    let last = chunks.count - 1
    if let whole = newRows.wholeBlock {
      endLine(last)
      chunks[last].bytes.append(contentsOf: whole)
    } else {
      for i in 0..<newRows.count {
        endLine(last)
        chunks[last].bytes.append(contentsOf: newRows[i].record)
      }
    }
    memoryUsed += chunks[last].bytes.count - chunks[last].count
    chunks[last].count = chunks[last].bytes.count
    chunks[last].rows += newRows.count
    rows += newRows.count
  }

  /// A record without a line end can only be the last of its input: within a chunk it needs one before the next record.
  private func endLine(_ chunk: Int) {
    if let last = chunks[chunk].bytes.last, last != 10 { chunks[chunk].bytes.append(10) }
  }

  /// Moves full chunks to the file while memory is over its limit.
  private func spillIfNeeded() throws {
    guard memoryUsed > memoryLimit else { return }
    if file < 0 { file = try RawStore.unnamedFile() }
    for i in chunks.indices where chunks[i].offset < 0 {
      try chunks[i].bytes.withUnsafeBufferPointer { bytes in
        var offset = 0
        while offset < bytes.count {
          let written = pwrite(file, bytes.baseAddress! + offset, bytes.count - offset, fileSize + offset)
          if written < 0, errno == EINTR { continue }
          guard written > 0 else { throw RawStore.failure("cannot write a temporary file") }
          offset += written
        }
      }
      chunks[i].offset = fileSize
      fileSize += chunks[i].count
      memoryUsed -= chunks[i].count
      chunks[i].bytes = []
    }
  }

  private static func unnamedFile() throws -> Int32 {
    let folder = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    var template = Array((folder + "/quantile-filter.XXXXXX").utf8CString)
    let descriptor = mkstemp(&template)
    guard descriptor >= 0 else { throw failure("cannot create a temporary file in \(folder)", .cannotCreate) }
    unlink(template)
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    return descriptor
  }

  private static func failure(_ cause: String, _ status: Failure.Status = .inputOutput) -> Failure {
    Failure(status, cause + ": " + String(cString: strerror(errno)).lowercasedFirst, remedy: "set TMPDIR to a folder with room, or raise --memory")
  }

  /// Lets go of chunks without a `wanted` row; the rows of the others keep their numbers.
  func forget(unless wanted: (Int) -> Bool) {
    chunks.removeAll { chunk in !(chunk.firstRow..<chunk.firstRow + chunk.rows).contains(where: wanted) }
    // Freed chunks lie between others in the heap, which would keep their pages.
    _ = malloc_trim(0)
  }

  /// Starts reading from the first row again.
  public func rewind() { nextChunk = 0 }

  public var progress: Double? { chunks.isEmpty ? 1 : Double(nextChunk) / Double(chunks.count) }

  public func next(into block: Block) throws -> Bool {
    guard nextChunk < chunks.count else { return false }
    let chunk = chunks[nextChunk]
    nextChunk += 1
    block.buffer.removeAll()
    block.firstRow = chunk.firstRow
    block.linesBefore = nil
    if chunk.offset < 0 {
      block.buffer.append(chunk.bytes)
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
