/// What is read of the records once more.
extension StoredTable {
  /// Hands every record to the workers again, in order, on a thread for each of them.
  public func readAgain(_ workers: [RowWorker], output: OutputFile? = nil, progress: @escaping (Double) -> Void = { _ in }) throws {
    records.rewind()
    _ = try RowPipeline(source: records, format: format, header: header, output: output, progress: progress).run(workers)
  }

  /// Answers every record again, in order, on a thread for each worker; a worker finds a row's number from `Rows.firstRow`.
  public func answer(_ workers: [RowWorker], output: OutputFile, progress: @escaping (Double) -> Void = { _ in }) throws {
    try readAgain(workers, output: output, progress: progress)
  }

  /// Of every row the number of the key that it has in these columns, and the keys. A key is spelt as the first row spells it of those that
  /// `spells` names, else as its first row does.
  public func keys(_ columns: [Int], spelledBy spells: @escaping (_ row: Int) -> Bool = { _ in true }) throws -> (numbers: [Int32], keys: KeyTable) {
    let worker = KeyWorker(columns, spells)
    try readAgain([worker])
    return (worker.numbers, worker.keys)
  }

  /// Of each of some columns that were stored as times the time of every row. Throws for times of two kinds in one.
  public func times(_ columns: [TimeColumn]) throws -> [[Moment]] {
    let worker = TimeWorker(columns, header)
    try readAgain([worker])
    return worker.times
  }
}

private final class KeyWorker: RowWorker {
  private let columns: [Int]
  private let spells: (Int) -> Bool
  let keys = KeyTable()
  private(set) var numbers: [Int32] = []

  init(_ columns: [Int], _ spells: @escaping (Int) -> Bool) { (self.columns, self.spells) = (columns, spells) }

  override func handle(_ row: Row, into output: ByteBuffer) throws {
    let place = KeyTable.Place(block: spells(numbers.count) ? 0 : 1, row: numbers.count)
    numbers.append(Int32(try keys.number(of: row, columns, at: place)))
  }
}

private final class TimeWorker: RowWorker {
  private var columns: [TimeColumn]
  private let header: Header
  private(set) var times: [[Moment]]

  init(_ columns: [TimeColumn], _ header: Header) {
    (self.columns, self.header) = (columns, header)
    times = columns.map { _ in [] }
  }

  override func handle(_ row: Row, into output: ByteBuffer) throws {
    for k in columns.indices {
      guard let time = try columns[k].read(row) else { throw TimeColumn.missing(in: header.names[columns[k].column]) }
      times[k].append(time)
    }
  }
}
