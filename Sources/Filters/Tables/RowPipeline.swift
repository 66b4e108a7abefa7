import Groundwork

/// What a tool does with rows. Each thread has a worker of its own; blocks are committed in the order of the input.
open class RowWorker {
  /// The number of the block whose rows are handled, in the order of the input.
  public internal(set) final var block = 0

  public init() {}

  /// Called once a block, before its rows: the input that they come from.
  open func begin(input: String) {}

  /// Takes one row and may append its answer to `output`. A thrown `Failure` (its place naming at most the column) makes
  /// the row a bad one: what it appended is taken back.
  open func handle(_ row: Row, into output: ByteBuffer) throws {}

  /// Whether the answer to a row depends on the rows before it: then `settle` is called.
  open var takesTurns: Bool { false }

  /// Where `takesTurns`: called for each good row once it is handled, in the order of the input and on one thread at a time: what has to wait for
  /// the rows before it, and no more than that. A thrown `Failure` makes the row a bad one.
  open func settle(_ row: Row) throws {}

  /// Called once a block, after its rows were handled and settled; `rows` are the good ones. Answers that are computed many at a time
  /// are appended here.
  open func finish(_ rows: Rows, into output: ByteBuffer) throws {}

  /// Called in the order of the input, on one thread at a time, before the block's output is written.
  open func commit(_ rows: Rows) throws {}
}

/// The good rows of a block.
public struct Rows {
  let block: Block
  let format: TableFormat
  /// Positions in the block, increasing.
  public internal(set) var indices: [Int] = []
  /// Physical lines above the block; known when the rows are committed.
  var linesBefore = 0

  /// Where row i stands: its input and physical line.
  func place(_ i: Int) -> (input: String, line: Int) { (block.input, block.line(ofRow: indices[i], linesBefore: linesBefore)) }
  public var count: Int { indices.count }
  /// Which input the rows come from.
  public var input: String { block.input }
  /// The physical line of each row; known when the rows are committed.
  public func lines() -> [Int] {
    if let lines = block.rowLines { return indices.map { lines[$0] } }
    // Where there are no line ends in quotes, rows are lines.
    if block.lines == block.rows - (block.buffer.bytes.last == 10 ? 0 : 1) { return indices.map { linesBefore + 1 + $0 } }
    var line = linesBefore + 1
    var next = 0
    return indices.map { index in
      while next < index {
        line += block.row(next, format: format).record.reduce(0) { $0 + ($1 == 10 ? 1 : 0) }
        next += 1
      }
      return line
    }
  }
  /// Number of the block's first row in the table, for tables stored for learning.
  public var firstRow: Int { block.firstRow }
  @inline(__always) public subscript(i: Int) -> Row { block.row(indices[i], format: format) }
  /// The whole block's bytes where every row is good.
  var wholeBlock: UnsafeBufferPointer<UInt8>? { count == block.rows ? block.buffer.bytes : nil }
}

/// What happens to bad rows.
public struct BadRowPolicy {
  /// Leave them out and count them, instead of failing at the first.
  public var skips = false
  /// Where left-out records are kept.
  public var rejects: OutputFile?

  public init(skips: Bool = false, rejects: OutputFile? = nil) {
    self.skips = skips
    self.rejects = rejects
  }
}

public struct RowCounts {
  public var read = 0
  public var skipped = 0
  public var firstSkipped: Failure?
  /// NDJSON: where the first member stands that is not among the columns, its key for the column.
  public var firstOther: Failure.Place?

  public init() {}
}

/// Moves blocks from a source through workers to an output, on several threads, in constant memory.
///
/// The output is the concatenation of the blocks' outputs in the order of the input, so it depends neither on the number of
/// threads nor on how the input came in pieces, as long as a worker's answer to a row depends on that row alone, or on what it settles in its turn.
public final class RowPipeline {
  private let source: any BlockSource
  private let format: TableFormat
  private let header: Header
  private let output: OutputFile?
  private let policy: BadRowPolicy
  private let progress: (Double) -> Void

  private let reading = Monitor()
  private var nextTicket = 0
  private var isExhausted = false

  private let settling = Monitor()
  private var nextTurn = 0

  private let committing = Monitor()
  private var nextCommit = 0
  private var failure: (any Error)?
  private var linesBefore = 0
  private var counts = RowCounts()

  /// Below this many bytes in the first block a second thread costs more than it saves.
  private static let worthAThread = 1 << 16

  public init(
    source: any BlockSource, format: TableFormat, header: Header, output: OutputFile?, policy: BadRowPolicy = BadRowPolicy(),
    progress: @escaping (Double) -> Void = { _ in }
  ) {
    self.source = source
    self.format = format
    self.header = header
    self.output = output
    self.policy = policy
    self.progress = progress
  }

  /// Runs to the end of the source, or to the first failure: rows before it are answered first, for any number of threads. There is a thread
  /// for each of `workers`, of which there must be one.
  public func run(_ workers: [RowWorker]) throws -> RowCounts {
    var helpers: [Thread] = []
    drain(workers[0]) { firstBlock in
      guard helpers.isEmpty, firstBlock.buffer.count >= RowPipeline.worthAThread else { return }
      helpers = workers.dropFirst().compactMap { worker in
        // A worker is one thread's alone, and what threads share of the pipeline is behind its monitors.
        nonisolated(unsafe) let (pipeline, worker) = (self, worker)
        return Thread.start { pipeline.drain(worker) { _ in } }
      }
    }
    for helper in helpers { helper.join() }
    if let failure { throw failure }
    return counts
  }

  private func drain(_ worker: RowWorker, _ onBlock: (Block) -> Void) {
    let block = Block()
    let answers = ByteBuffer()
    let splitter = RowSplitter(format: format, names: header.names, rawNames: header.raw, lateKeys: header.lateKeys)
    while true {
      var readFailure: (any Error)?
      let ticket: Int? = reading.locked {
        if isExhausted { return nil }
        do {
          guard try source.next(into: block) else {
            isExhausted = true
            return nil
          }
        } catch {
          isExhausted = true
          readFailure = error
        }
        defer { nextTicket += 1 }
        return nextTicket
      }
      guard let ticket else { return }
      answers.removeAll()
      var work = BlockWork(rows: Rows(block: block, format: format))
      if readFailure == nil {
        onBlock(block)
        splitter.split(block)
        worker.block = ticket
        handle(&work, worker, answers)
      }
      if worker.takesTurns { takeTurn(ticket) { settle(&work, worker) } }
      if readFailure == nil { finish(&work, worker, answers) }
      let wentWell = committing.locked {
        committing.wait { nextCommit == ticket }
        defer {
          nextCommit += 1
          committing.wakeAll()
        }
        if failure != nil { return false }
        do {
          if let readFailure { throw readFailure }
          try commit(work, worker, answers)
          return true
        } catch {
          failure = error
          return false
        }
      }
      if !wentWell {
        reading.locked { isExhausted = true }
        return
      }
    }
  }

  private struct BlockWork {
    var rows: Rows
    /// Bad rows, at most one where the policy is to fail.
    var bad: [(row: Int, failure: any Error)] = []
  }

  /// Does what the blocks before this one have done, and lets the next one do it.
  private func takeTurn(_ ticket: Int, _ body: () -> Void) {
    settling.locked {
      settling.wait { nextTurn == ticket }
      body()
      nextTurn += 1
      settling.wakeAll()
    }
  }

  private func handle(_ work: inout BlockWork, _ worker: RowWorker, _ answers: ByteBuffer) {
    let block = work.rows.block
    work.rows.indices.reserveCapacity(block.rows)
    var faults = block.faults[...]
    var omitted = block.omitted[...]
    worker.begin(input: block.input)
    for r in 0..<block.rows {
      if let next = omitted.first, next == r {
        omitted.removeFirst()
        continue
      }
      let row = block.row(r, format: format)
      let mark = answers.count
      do {
        if let (faulty, fault) = faults.first, faulty == r {
          faults = faults.dropFirst()
          throw fault.failure(row: row, columns: header.names, input: block.input, line: 0)
        }
        try worker.handle(row, into: answers)
        work.rows.indices.append(r)
      } catch {
        answers.truncate(to: mark)
        work.bad.append((r, error))
        if !policy.skips { break }
      }
    }
  }

  private func settle(_ work: inout BlockWork, _ worker: RowWorker) {
    let handled = work.rows.indices
    work.rows.indices.removeAll(keepingCapacity: true)
    for r in handled {
      do {
        try worker.settle(work.rows.block.row(r, format: format))
        work.rows.indices.append(r)
      } catch {
        // Bad rows that were found before are below this one where the policy is to fail.
        if !policy.skips { return work.bad = [(r, error)] }
        work.bad.append((r, error))
      }
    }
    work.bad.sort { $0.row < $1.row }
  }

  private func finish(_ work: inout BlockWork, _ worker: RowWorker, _ answers: ByteBuffer) {
    do { try worker.finish(work.rows, into: answers) } catch { work.bad = [(work.rows.indices.last ?? 0, error)] }
  }

  private func commit(_ work: BlockWork, _ worker: RowWorker, _ answers: ByteBuffer) throws {
    let block = work.rows.block
    if let before = block.linesBefore { linesBefore = before }
    counts.read += block.rows
    var rows = work.rows
    rows.linesBefore = linesBefore
    try worker.commit(rows)
    if let output { try output.write(lines: answers.bytes, lineEnd: header.lineEndOrNewline) }
    for (r, error) in work.bad {
      guard var failure = error as? Failure else { throw error }
      if failure.place.input == nil || failure.place.line == 0 {
        failure.place.input = block.input
        failure.place.line = block.line(ofRow: r, linesBefore: linesBefore)
      }
      guard policy.skips, failure.status == .badData else { throw failure }
      counts.skipped += 1
      if counts.firstSkipped == nil { counts.firstSkipped = failure }
      try policy.rejects?.write(lines: block.row(r, format: format).record, lineEnd: header.lineEndOrNewline)
    }
    if counts.firstOther == nil, let r = block.rowsWithOthers.first {
      counts.firstOther = .init(
        input: block.input, line: block.line(ofRow: r, linesBefore: linesBefore),
        column: header.otherMembers(of: block.row(r, format: format)).first?.name)
    }
    linesBefore += block.lines
    if let done = block.progress { progress(done) }
  }
}

extension Header {
  /// What ends a line that this table's rows gain.
  var lineEndOrNewline: [UInt8] { lineEnd.isEmpty ? [10] : lineEnd }
}
