import Groundwork

/// A table held for learning: the records themselves, and the columns a tool uses as numbers.
public final class HeldTable {
  /// What a column is read as.
  public enum Role: Equatable {
    /// Numbers or missing; an infinite one is a bad row (targets, weights).
    case finite
    /// Numbers, missing or infinite (quantiles).
    case number
    /// Finite numbers from 0, or missing (weights).
    case weight
    /// Whole numbers from 0, or missing (folds).
    case index
    /// Numbers where every field is one, else categories.
    case feature
    /// Categories, whatever the fields look like (groups).
    case label
  }

  public enum Feature {
    case numbers([Double])
    /// `codes[i]` indexes `categories`, which are sorted; −1 is missing.
    case categories(codes: [Int32], categories: [String])
  }

  public let header: Header
  public let records: RawStore
  public private(set) var counts = RowCounts()
  private let format: TableFormat
  private let columns: [Int]
  private let roles: [Role]
  /// A column at a time, so that one can be handed over without a copy, and growing never holds all of them twice.
  private var values: [[Double]] = []
  /// First field of a feature column that is no number, and what is wrong with the first that is not finite.
  private var firstText: [Int: (row: Int, text: String)] = [:]
  private var firstInfinite: [Int: Failure] = [:]

  public var rows: Int { records.rows }

  /// Reads the whole table. `roles` names the columns that are used.
  public init(
    _ reader: TableReader, roles: [(column: Int, role: Role)], memoryLimit: Int, threads: Int, policy: BadRowPolicy = BadRowPolicy(),
    progress: @escaping (Double) -> Void = { _ in }
  ) throws {
    header = reader.header!
    format = reader.format
    columns = roles.map(\.column)
    self.roles = roles.map(\.role)
    values = roles.map { _ in [] }
    records = RawStore(memoryLimit: memoryLimit)
    let pipeline = RowPipeline(source: reader, format: format, header: header, output: nil, policy: policy, progress: progress)
    counts = try pipeline.run(threads: threads) { HoldingWorker(table: self) }
    // Only now is it known which feature columns hold numbers.
    for k in columns.indices where firstText[k] == nil {
      if let failure = firstInfinite[k] { throw failure }
    }
  }

  /// Column as numbers, NaN where missing. Costs nothing.
  public func numbers(_ column: Int) -> [Double] { values[columns.firstIndex(of: column)!] }

  /// Several columns as one row-major rows × columns array.
  public func numbers(_ wanted: [Int]) -> [Double] {
    // A column may have two roles: the first holds its numbers.
    let position = Dictionary(columns.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
    let places = wanted.map { position[$0]! }
    return [Double](unsafeUninitializedCapacity: rows * places.count) { target, count in
      count = rows * places.count
      // Blocks of rows stay in cache while the columns are woven in.
      for first in stride(from: 0, to: rows, by: 256) {
        for (k, place) in places.enumerated() {
          values[place].withUnsafeBufferPointer { column in
            for row in first..<min(first + 256, rows) { target[row * places.count + k] = column[row] }
          }
        }
      }
    }
  }

  /// Gives back the memory of the numbers, once they were taken: only records and categories can be read from then on.
  public func forgetNumbers() { values = [] }

  /// Gives back the memory of the numbers of one column.
  public func forgetNumbers(of column: Int) { values[columns.firstIndex(of: column)!] = [] }

  /// Gives back the memory of stretches of records of which none is `wanted`: only the others are answered from then on.
  public func forgetRecords(unless wanted: (Int) -> Bool) { records.forget(unless: wanted) }

  /// Whether a feature column holds categories, and where the first field that is no number stands.
  public func firstNonNumber(_ column: Int) -> (row: Int, text: String)? {
    firstText[columns.firstIndex(of: column)!]
  }

  /// A column of role `feature` or `label`.
  public func feature(_ column: Int) throws -> Feature {
    let k = columns.firstIndex(of: column)!
    if roles[k] == .feature, firstText[k] == nil { return .numbers(numbers(column)) }
    let worker = CategoryWorker(column: column)
    records.rewind()
    _ = try RowPipeline(source: records, format: format, header: header, output: nil).run(threads: 1) { worker }
    return worker.feature
  }

  /// Answers every record again, in order; `makeWorker` finds a row's number from `Rows.firstRow`.
  public func answer(output: OutputFile, threads: Int, progress: @escaping (Double) -> Void = { _ in }, _ makeWorker: () -> RowWorker) throws {
    records.rewind()
    let pipeline = RowPipeline(source: records, format: format, header: header, output: output, progress: progress)
    _ = try pipeline.run(threads: threads, makeWorker)
  }

  private final class HoldingWorker: RowWorker {
    private unowned let table: HeldTable
    private let reader = NumberReader()
    private var values: [Double] = []
    private var texts: [(k: Int, row: Int, text: String)] = []
    private var infinite: [(k: Int, row: Int, failure: Failure)] = []

    init(table: HeldTable) { self.table = table }

    override func handle(_ row: Row, into output: ByteBuffer) throws {
      let good = values.count
      let width = table.columns.count
      do {
        for k in 0..<width { values.append(try read(row, k, rowInBlock: good / max(1, width))) }
      } catch {
        values.removeSubrange(good...)
        texts.removeAll { $0.row == good / max(1, width) }
        infinite.removeAll { $0.row == good / max(1, width) }
        throw error
      }
    }

    private func read(_ row: Row, _ k: Int, rowInBlock: Int) throws -> Double {
      let column = table.columns[k]
      let role = table.roles[k]
      if role == .label { return .nan }
      let reading = row.number(column, reader)
      switch (reading, role) {
      case (.missing, _): return .nan
      case (.number(let value), .index):
        guard value >= 0, value < 1e9, value == value.rounded() else {
          throw Failure(.badData, "\"\(row.text(column))\" is not a whole number from 0", at: .init(column: table.header.names[column]))
        }
        return value
      case (.number(let value), .weight) where value < 0:
        throw Failure(.badData, "\"\(row.text(column))\" is negative, and a weight is not", at: .init(column: table.header.names[column]))
      case (.number(let value), _): return value
      case (.infinite(let value), .number): return value
      case (.infinite, .feature), (.overflow, .feature):
        var failure = numberFailure(reading, row, column, table.header)
        failure.remedy = "a feature is finite or missing"
        infinite.append((k, rowInBlock, failure))
        return .nan
      case (_, .feature):
        texts.append((k, rowInBlock, row.text(column)))
        return .nan
      default: throw numberFailure(reading, row, column, table.header)
      }
    }

    override func commit(_ rows: Rows) throws {
      let first = table.rows
      let width = table.columns.count
      for k in 0..<width {
        for place in stride(from: k, to: values.count, by: width) { table.values[k].append(values[place]) }
      }
      for (k, row, text) in texts where table.firstText[k] == nil { table.firstText[k] = (first + row, text) }
      for (k, row, var failure) in infinite where table.firstInfinite[k] == nil {
        (failure.place.input, failure.place.line) = rows.place(row)
        table.firstInfinite[k] = failure
      }
      values.removeAll(keepingCapacity: true)
      texts.removeAll()
      infinite.removeAll()
      try table.records.append(rows)
    }
  }
}

private final class CategoryWorker: RowWorker {
  private let column: Int
  private var codeOfText: [String: Int32] = [:]
  private var codes: [Int32] = []

  init(column: Int) { self.column = column }

  override func handle(_ row: Row, into output: ByteBuffer) throws {
    let text = row.text(column)
    switch text {
    case "", "NA", "NaN", "nan", "null": codes.append(-1)
    default:
      let code = codeOfText[text] ?? Int32(codeOfText.count)
      codeOfText[text] = code
      codes.append(code)
    }
  }

  var feature: HeldTable.Feature {
    let sorted = codeOfText.keys.sorted { Array($0.utf8).lexicographicallyPrecedes(Array($1.utf8)) }
    var rank = [Int32](repeating: 0, count: sorted.count)
    for (new, text) in sorted.enumerated() { rank[Int(codeOfText[text]!)] = Int32(new) }
    return .categories(codes: codes.map { $0 < 0 ? -1 : rank[Int($0)] }, categories: sorted)
  }
}
