import Groundwork

/// A table stored for learning: the records themselves, and the columns a tool uses as numbers.
public final class StoredTable {
  /// What a column is read as.
  public enum Role: Equatable {
    /// Numbers or missing; an infinite one is a bad row (targets, weights).
    case finite
    /// Numbers, missing or infinite (quantiles).
    case number
    /// Finite numbers from 0, missing at most where the number of the column `unlessMissing`, the target's, is; nowhere without one (weights).
    case weight(unlessMissing: Int?)
    /// Whole numbers from 0, or missing (folds).
    case index
    /// Numbers where every field is one, else categories.
    case feature
    /// Categories, whatever the fields look like (groups).
    case label
  }

  public enum Feature {
    case numbers([Double])
    /// `codes[i]` indexes `categories`, which are forms of keys, sorted; −1 is missing.
    case categories(codes: [Int32], categories: [FieldText])
  }

  public let header: Header
  public let records: RawStore
  public private(set) var counts = RowCounts()
  private let format: TableFormat
  private let columns: [Int]
  private let roles: [Role]
  /// Columns whose numbers are not taken as they are.
  private let isChecked: [Bool]
  private var shareRead = 0.0
  /// A column at a time, so that one can be handed over without a copy, and growing never holds all of them twice.
  private var values: [[Double]] = []
  /// Numbers of some columns, row after row, of the rows whose target is present.
  private var packed: [Double] = []
  private let packing: Packing?
  /// Fields of a feature column that are no numbers: the first, and how many; and what is wrong with the first that is not finite.
  private var texts: [Int: NonNumbers] = [:]
  private var firstInfinite: [Int: Failure] = [:]

  public var rows: Int { records.rows }

  /// Fields that make a feature column one of categories.
  public struct NonNumbers {
    /// The first of them, and where it stands.
    public let text: String
    public let place: Failure.Place
    public fileprivate(set) var count = 0
  }

  /// Columns of which only the rows that teach are wanted, each of them at once: half the memory of columns that are woven together
  /// later. Their numbers may be infinite, and are checked in every row.
  public struct Packing {
    /// Has a role of its own.
    public let target: Int
    public let columns: [Int]
    /// Where rows that teach are not answered, stretches of them are not kept. Columns read as categories need every record.
    public let answersTaught: Bool

    public init(target: Int, columns: [Int], answersTaught: Bool) {
      self.target = target
      self.columns = columns
      self.answersTaught = answersTaught
    }
  }

  /// Reads the whole table. `roles` names the columns that are used.
  public init(
    _ reader: TableReader, roles: [(column: Int, role: Role)], packing: Packing? = nil, memoryLimit: Int, threads: Int,
    policy: BadRowPolicy = BadRowPolicy(),
    progress: @escaping (Double) -> Void = { _ in }
  ) throws {
    header = reader.header!
    format = reader.format
    columns = roles.map(\.column)
    self.roles = roles.map(\.role)
    isChecked = roles.map { role in if case .weight = role.role { true } else { [.index, .label].contains(role.role) } }
    values = roles.map { _ in [] }
    self.packing = packing
    records = RawStore(memoryLimit: memoryLimit)
    let pipeline = RowPipeline(source: reader, format: format, header: header, output: nil, policy: policy) { share in
      self.shareRead = share
      progress(share)
    }
    counts = try pipeline.run((0..<max(1, threads)).map { _ in StoringWorker(self) })
    // Only now is it known which feature columns hold numbers.
    for k in columns.indices where texts[k] == nil {
      if let failure = firstInfinite[k] { throw failure }
    }
  }

  /// Column as numbers, NaN where missing. Costs nothing.
  public func numbers(_ column: Int) -> [Double] { values[columns.firstIndex(of: column)!] }

  /// Hands over what was packed, rows × columns.
  public func takePacked() -> [Double] {
    defer { packed = [] }
    return packed
  }

  /// Makes room for more packed numbers: for all there will be, where the share of the input that was read is known.
  private func reservePacked(_ extra: Int) {
    guard packed.count + extra > packed.capacity else { return }
    let expected = shareRead > 0.1 ? Int(Double(packed.count + extra) / shareRead * 1.02) : 0
    packed.reserveCapacity(max(expected, 2 * (packed.count + extra)))
    let free = packed.capacity - packed.count
    packed.withUnsafeMutableBufferPointer {
      if free > 1 << 18, let base = $0.baseAddress { PageMemory.adviseLargePages(base, 8 * ($0.count + free)) }
    }
  }

  /// Several columns as one row-major rows × columns array.
  public func numbers(_ wanted: [Int]) -> [Double] {
    // A column may have two roles: the first holds its numbers.
    let position = Dictionary(columns.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
    let places = wanted.map { position[$0]! }
    return [Double](unsafeUninitializedCapacity: rows * places.count) { target, count in
      count = rows * places.count
      if let base = target.baseAddress, count > 1 << 18 { PageMemory.adviseLargePages(base, 8 * count) }
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

  /// What makes a feature column one of categories; nil where it holds numbers.
  public func nonNumbers(_ column: Int) -> NonNumbers? { texts[columns.firstIndex(of: column)!] }

  /// A column of role `feature` or `label`.
  public func feature(_ column: Int) throws -> Feature {
    let k = columns.firstIndex(of: column)!
    if roles[k] == .feature, texts[k] == nil { return .numbers(numbers(column)) }
    let (numbers, keys) = try keys([column])
    let forms = keys.names.map { KeyForm.of($0[0]) }
    let categories = forms.filter { !$0.isEmpty }.sorted()
    let codeOfForm = Dictionary(uniqueKeysWithValues: zip(categories, Int32(0)...))
    let codes = forms.map { codeOfForm[$0] ?? -1 }
    return .categories(codes: numbers.map { codes[Int($0)] }, categories: categories)
  }

  /// Of every row the number of the key that it has in these columns, and the keys. Reads the records again.
  public func keys(_ columns: [Int]) throws -> (numbers: [Int32], keys: KeyTable) {
    let worker = KeyWorker(columns)
    records.rewind()
    _ = try RowPipeline(source: records, format: format, header: header, output: nil).run([worker])
    return (worker.numbers, worker.keys)
  }

  /// Answers every record again, in order, on a thread for each worker; a worker finds a row's number from `Rows.firstRow`.
  public func answer(_ workers: [RowWorker], output: OutputFile, progress: @escaping (Double) -> Void = { _ in }) throws {
    records.rewind()
    let pipeline = RowPipeline(source: records, format: format, header: header, output: output, progress: progress)
    _ = try pipeline.run(workers)
  }

  private final class StoringWorker: RowWorker {
    private let table: StoredTable
    private let reader = NumberReader()
    private let width: Int
    private let columns: UnsafeMutablePointer<Int>
    /// The block's numbers row by row, and turned into columns for `commit`, which one thread at a time runs.
    private let values: RowBuffer
    private var turned: [Double] = []
    private var rowsRead = 0
    private let targetPlace: Int
    /// Places of weights, and of the targets that need them.
    private let weighed: [(weight: Int, target: Int?)]
    private let packed: RowBuffer
    private let packedColumns: NumberColumns
    private var rowsPacked = 0
    private var texts: [(k: Int, row: Int, text: String)] = []
    private var infinite: [(k: Int, row: Int, failure: Failure)] = []

    init(_ table: StoredTable) {
      self.table = table
      width = table.columns.count
      columns = .allocate(capacity: max(1, width))
      columns.initialize(from: table.columns, count: width)
      values = RowBuffer(width: width)
      weighed = table.roles.enumerated().compactMap { k, role in
        if case .weight(let target) = role { (k, target.map { table.columns.firstIndex(of: $0)! }) } else { nil }
      }
      targetPlace = table.packing.map { table.columns.firstIndex(of: $0.target)! } ?? -1
      let wanted = table.packing?.columns ?? []
      packedColumns = NumberColumns(wanted, table.header)
      packed = RowBuffer(width: wanted.count)
    }

    deinit { columns.deallocate() }

    override func handle(_ row: Row, into output: ByteBuffer) throws {
      let place = values.row(rowsRead)
      do {
        for k in 0..<width {
          if case .number(let value) = row.number(columns[k], reader), !table.isChecked[k] {
            place[k] = value
          } else {
            place[k] = try readWithCare(row, k)
          }
        }
        for (weight, target) in weighed where place[weight].isNaN {
          if let target, place[target].isNaN { continue }
          throw Failure(
            .badData, "the weight is missing", at: .init(column: table.header.names[columns[weight]]),
            remedy: target == nil ? "every row needs one" : "labelled rows need one; 0 leaves a row out")
        }
        if targetPlace >= 0 { try pack(row, isTaught: !place[targetPlace].isNaN) }
      } catch {
        texts.removeAll { $0.row == rowsRead }
        infinite.removeAll { $0.row == rowsRead }
        throw error
      }
      rowsRead += 1
    }

    private func pack(_ row: Row, isTaught: Bool) throws {
      try packedColumns.read(row, into: packed.row(rowsPacked))
      if isTaught { rowsPacked += 1 }
    }

    @inline(never)
    private func readWithCare(_ row: Row, _ k: Int) throws -> Double {
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
        infinite.append((k, rowsRead, failure))
        return .nan
      case (_, .feature):
        texts.append((k, rowsRead, row.text(column)))
        return .nan
      default: throw numberFailure(reading, row, column, table.header)
      }
    }

    override func finish(_ rows: Rows, into output: ByteBuffer) throws {
      turned = values.columns(rows: rowsRead)
    }

    override func commit(_ rows: Rows) throws {
      for k in 0..<width { table.values[k].append(contentsOf: turned[k * rowsRead..<(k + 1) * rowsRead]) }
      for (k, row, text) in texts {
        if table.texts[k] == nil {
          let (input, line) = rows.place(row)
          table.texts[k] = NonNumbers(text: text, place: .init(input: input, line: line, column: table.header.names[table.columns[k]]))
        }
        table.texts[k]!.count += 1
      }
      for (k, row, var failure) in infinite where table.firstInfinite[k] == nil {
        (failure.place.input, failure.place.line) = rows.place(row)
        table.firstInfinite[k] = failure
      }
      if rowsPacked > 0 {
        let added = UnsafeBufferPointer(start: packed.base, count: rowsPacked * packed.width)
        table.reservePacked(added.count)
        table.packed.append(contentsOf: added)
      }
      let isUnanswered = table.packing?.answersTaught == false && rowsPacked == rows.count
      rowsRead = 0
      rowsPacked = 0
      texts.removeAll()
      infinite.removeAll()
      if isUnanswered { table.records.skip(rows.count) } else { try table.records.append(rows) }
    }
  }
}

private final class KeyWorker: RowWorker {
  private let columns: [Int]
  let keys = KeyTable()
  private(set) var numbers: [Int32] = []

  init(_ columns: [Int]) { self.columns = columns }

  override func handle(_ row: Row, into output: ByteBuffer) throws { numbers.append(Int32(try keys.number(of: row, columns))) }
}
