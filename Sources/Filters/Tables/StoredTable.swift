import Groundwork

/// How `fold` tells blocks of time: t0, t1, …
public enum TimeFold {
  /// The letter before a block's number.
  public static let mark = UInt8(ascii: "t")

  /// The number of the block that a field names; nil for other text.
  public static func block(_ text: String) -> Int? {
    let digits = text.utf8.dropFirst()
    guard text.utf8.first == mark, !digits.isEmpty, digits.count < 10, digits.allSatisfy({ $0 &- 48 < 10 }) else { return nil }
    return Int(text.dropFirst())
  }
}

extension StoredTable.Role {
  var isTime: Bool { if case .time = self { true } else { false } }
}

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
    /// Whole numbers from 0, or missing (copies).
    case index
    /// Whole numbers from 0, or such numbers k behind a t, which are −1 − k; or missing (folds).
    case fold
    /// Numbers, categories or dates, as is declared or the whole table says.
    case feature(DeclaredKind)
    /// Categories, whatever the fields look like (groups).
    case label
    /// Times, of which none is missing; `times` tells them. nil reads numbers and ISO 8601.
    case time(TimeFormat?)
    /// Times, of which none is missing or before that of the column `after`, which has its role too.
    case laterTime(TimeFormat?, after: Int)
  }

  /// What a feature is told to be.
  public enum DeclaredKind: Equatable, Sendable {
    case undeclared, numeric, categorical
    /// Days since 1970, or missing; nil is ISO 8601.
    case date(TimeFormat?)
  }

  /// What a feature is.
  public enum FeatureKind: Equatable, Sendable {
    case numeric, categorical
    /// Days where that is declared, else no feature.
    case date
  }

  public enum Feature {
    /// Of a date: days since 1970.
    case numbers([Double])
    /// `codes[i]` indexes `categories`, which are forms of keys, sorted; −1 is missing.
    case categories(codes: [Int32], categories: [FieldText])
  }

  public let header: Header
  public let records: RawStore
  public private(set) var counts = RowCounts()
  let format: TableFormat
  private let columns: [Int]
  private let roles: [Role]
  private var shareRead = 0.0
  /// A column at a time, so that one can be handed over without a copy, and growing never holds all of them twice.
  private var values: [[Double]] = []
  /// Numbers of some columns, row after row, of the rows whose target is present.
  private var packed: [Double] = []
  private let packing: Packing?
  /// Of each undeclared feature, by its place among the columns: what its fields look like.
  private var fields: [Int: FeatureFields] = [:]
  private var kinds: [Int: FeatureKind] = [:]

  public var rows: Int { records.rows }

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
    values = roles.map { _ in [] }
    self.packing = packing
    records = RawStore(memoryLimit: memoryLimit)
    let pipeline = RowPipeline(source: reader, format: format, header: header, output: nil, policy: policy) { share in
      self.shareRead = share
      progress(share)
    }
    counts = try pipeline.run((0..<max(1, threads)).map { _ in StoringWorker(self) })
    try decideKinds(policy)
  }

  /// Only now is it known which feature columns hold numbers. Throws for a column of numbers in another notation, and for the first stray field
  /// of one of numbers, whose rows are left out where `policy` says so.
  private func decideKinds(_ policy: BadRowPolicy) throws {
    var strays: [(k: Int, fields: FeatureFields)] = []
    for (k, role) in roles.enumerated() {
      guard case .feature(let declared) = role else { continue }
      switch declared {
      case .numeric: kinds[k] = .numeric
      case .categorical: kinds[k] = .categorical
      case .date: kinds[k] = .date
      // Labels are categories, whatever they look like.
      case .undeclared where columns.indices.contains { columns[$0] == columns[k] && roles[$0] == .label }: kinds[k] = .categorical
      case .undeclared:
        guard var found = fields[k] else {
          kinds[k] = .numeric
          continue
        }
        found.numbers = values[k].reduce(0) { $0 + ($1.isNaN ? 0 : 1) }
        fields[k] = found
        guard let kind = found.kind else { throw StrayField.otherNotation(found, column: header.names[columns[k]]) }
        kinds[k] = kind
        if kind == .numeric, found.texts + found.infinite > 0 { strays.append((k, found)) }
      }
    }
    guard !strays.isEmpty else { return }
    let failures = strays.map { StrayField.first($0.fields, column: header.names[columns[$0.k]]) }
    let first = failures.min { $0.row < $1.row }!.failure
    guard policy.skips else { throw first }
    try leaveOut(strays.map(\.k), first, policy)
  }

  /// Leaves out the rows in which a feature of these holds no finite number.
  private func leaveOut(_ places: [Int], _ first: Failure, _ policy: BadRowPolicy) throws {
    let finder = StrayFinder(places.map { columns[$0] }, rejects: policy.rejects, lineEnd: header.lineEndOrNewline)
    try readAgain([finder])
    let omitted = finder.rows
    var isOmitted = [Bool](repeating: false, count: rows)
    for row in omitted { isOmitted[row] = true }
    if let packing {
      let target = values[columns.firstIndex(of: packing.target)!]
      let width = packing.columns.count
      let taught = target.indices.filter { !target[$0].isNaN }
      packed = taught.indices.filter { !isOmitted[taught[$0]] }.flatMap { packed[$0 * width..<($0 + 1) * width] }
    }
    for k in values.indices { values[k] = values[k].indices.filter { !isOmitted[$0] }.map { values[k][$0] } }
    records.omit(omitted)
    counts.skipped += omitted.count
    if let known = counts.firstSkipped, known.place.input != first.place.input || known.place.line ?? 0 < first.place.line ?? 0 { return }
    counts.firstSkipped = first
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

  /// The place of a column in its role as a feature, else of its first role.
  private func place(ofFeature column: Int) -> Int {
    let places = columns.indices.filter { columns[$0] == column }
    return places.first { kinds[$0] != nil } ?? places[0]
  }

  /// What a feature column holds.
  public func kind(_ column: Int) -> FeatureKind { kinds[place(ofFeature: column)]! }

  /// Why an undeclared feature column is what it is: the fields that say so, where there are any.
  public func evidence(_ column: Int) -> FeatureEvidence? {
    let k = place(ofFeature: column)
    guard roles[k] == .feature(.undeclared), !columns.indices.contains(where: { columns[$0] == column && roles[$0] == .label }) else { return nil }
    return fields[k].map(FeatureEvidence.init)
  }

  /// Whether what a feature column holds is told to the table.
  public func isDeclared(_ column: Int) -> Bool { roles[place(ofFeature: column)] != .feature(.undeclared) }

  /// A column of role `feature`, which may have another role too.
  public func featureValues(_ column: Int) throws -> Feature {
    let k = place(ofFeature: column)
    return kinds[k] == .categorical ? try feature(column) : .numbers(values[k])
  }

  /// A column whose first role is `feature` or `label`.
  public func feature(_ column: Int) throws -> Feature {
    let k = columns.firstIndex(of: column)!
    if let kind = kinds[k], kind != .categorical { return .numbers(numbers(column)) }
    let (numbers, keys) = try keys([column])
    let forms = keys.names.map { KeyForm.of($0[0]) }
    let categories = forms.filter { !$0.isEmpty }.sorted()
    let codeOfForm = Dictionary(uniqueKeysWithValues: zip(categories, Int32(0)...))
    let codes = forms.map { codeOfForm[$0] ?? -1 }
    return .categories(codes: numbers.map { codes[Int($0)] }, categories: categories)
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
    /// Places of times, and of those that they are not to be before.
    private let laterTimes: [(later: Int, earlier: Int)]
    /// Of the row that is read, where some are to be compared.
    private var lastTimes: [Int: Moment] = [:]
    private let packed: RowBuffer
    private let packedColumns: NumberColumns
    private var rowsPacked = 0
    /// How the numbers of each column are taken.
    private let care: UnsafeMutablePointer<Care>
    /// What the block's undeclared features look like, and what the row adds to it if it is a good one.
    private var fields: [Int: FeatureFields] = [:]
    private var pending: [(k: Int, text: String, finding: Finding)] = []
    private var looks: [String: FieldLook] = [:]
    /// By their places.
    private var times: [Int: TimeColumn] = [:]

    private enum Care: UInt8 {
      /// As they are.
      case none
      /// As they are, unless one has a zero before a digit.
      case padding
      case each
    }

    private enum Finding { case padded, infinite, look(FieldLook) }

    init(_ table: StoredTable) {
      self.table = table
      width = table.columns.count
      columns = .allocate(capacity: max(1, width))
      columns.initialize(from: table.columns, count: width)
      care = .allocate(capacity: max(1, width))
      for (k, role) in table.roles.enumerated() {
        switch role {
        case .finite, .number, .feature(.numeric): (care + k).initialize(to: .none)
        case .feature(.undeclared): (care + k).initialize(to: .padding)
        case .weight, .index, .fold, .label, .feature: (care + k).initialize(to: .each)
        case .time(let format), .laterTime(let format, _):
          (care + k).initialize(to: .each)
          times[k] = TimeColumn(table.columns[k], table.header, format: format)
        }
      }
      values = RowBuffer(width: width)
      weighed = table.roles.enumerated().compactMap { k, role in
        if case .weight(let target) = role { (k, target.map { table.columns.firstIndex(of: $0)! }) } else { nil }
      }
      laterTimes = table.roles.enumerated().compactMap { k, role in
        if case .laterTime(_, let earlier) = role {
          (k, zip(table.columns, table.roles).enumerated().first { $1.0 == earlier && $1.1.isTime }!.offset)
        } else {
          nil
        }
      }
      targetPlace = table.packing.map { table.columns.firstIndex(of: $0.target)! } ?? -1
      let wanted = table.packing?.columns ?? []
      packedColumns = NumberColumns(wanted, table.header)
      packed = RowBuffer(width: wanted.count)
    }

    deinit {
      columns.deallocate()
      care.deallocate()
    }

    override func handle(_ row: Row, into output: ByteBuffer) throws {
      let place = values.row(rowsRead)
      do {
        for k in 0..<width {
          if case .number(let value) = row.number(columns[k], reader), care[k] != .each {
            place[k] = value
            if care[k] == .padding, isPadded(row.raw(columns[k])) { pending.append((k, row.text(columns[k]), .padded)) }
          } else {
            place[k] = try readWithCare(row, k)
          }
        }
        for (later, earlier) in laterTimes { try checkLater(row, later, than: earlier) }
        for (weight, target) in weighed where place[weight].isNaN {
          if let target, place[target].isNaN { continue }
          throw Failure(
            .badData, "the weight is missing", at: .init(column: table.header.names[columns[weight]]),
            remedy: target == nil ? "every row needs one" : "labelled rows need one; 0 leaves a row out")
        }
        if targetPlace >= 0 { try pack(row, isTaught: !place[targetPlace].isNaN) }
      } catch {
        pending.removeAll()
        throw error
      }
      if !pending.isEmpty { takePending() }
      rowsRead += 1
    }

    /// Whether a number has a zero before a digit: 007 and -01, not 0.7 and 0.
    @inline(__always)
    private func isPadded(_ raw: UnsafeBufferPointer<UInt8>) -> Bool {
      guard let first = raw.first, first <= 0x30 else { return false }
      if first == 0x30 { return raw.count > 1 && raw[1] &- 0x30 < 10 }
      return first == UInt8(ascii: ".") || raw.count < 3 ? false : isPaddedInside(raw)
    }

    /// Behind a quote, blanks and a sign.
    private func isPaddedInside(_ raw: UnsafeBufferPointer<UInt8>) -> Bool {
      var p = 0
      while p < raw.count, [0x22, 32, 9].contains(raw[p]) { p += 1 }
      if p < raw.count, raw[p] == UInt8(ascii: "-") || raw[p] == UInt8(ascii: "+") { p += 1 }
      return p + 1 < raw.count && raw[p] == 0x30 && raw[p + 1] &- 0x30 < 10
    }

    private func checkLater(_ row: Row, _ later: Int, than earlier: Int) throws {
      let column = table.columns[later]
      func failure(_ cause: String, _ remedy: String) -> Failure {
        Failure(.badData, "\"\(printable(row.text(column)))\" \(cause)", at: .init(column: table.header.names[column]), remedy: remedy)
      }
      if let (a, b) = times[later]?.kind.flatMap({ a in times[earlier]?.kind.map { (a, $0) } }), a != b {
        throw failure("is \(a.title), and the time of \(table.header.names[table.columns[earlier]]) is \(b.title)", "write both alike")
      }
      if let a = lastTimes[later], let b = lastTimes[earlier], a.isOver(before: b) {
        throw failure("is before the row's own time", "a truth is known after its forecast")
      }
    }

    private func takePending() {
      for (k, text, finding) in pending {
        var found = fields[k] ?? FeatureFields()
        switch finding {
        case .padded:
          found.firstPadded = found.firstPadded ?? .init(text: text, row: rowsRead)
          // One is enough.
          care[k] = .none
        case .infinite:
          found.infinite += 1
          found.firstInfinite = found.firstInfinite ?? .init(text: text, row: rowsRead)
        case .look(let look): found.add(text, look, row: rowsRead)
        }
        fields[k] = found
      }
      pending.removeAll(keepingCapacity: true)
    }

    private func look(_ text: String) -> FieldLook {
      if let known = looks[text] { return known }
      let look = FieldLook(text)
      // Few texts stand for most fields, or there are too many to keep.
      if looks.count < 1 << 12 { looks[text] = look }
      return look
    }

    private func pack(_ row: Row, isTaught: Bool) throws {
      try packedColumns.read(row, into: packed.row(rowsPacked))
      if isTaught { rowsPacked += 1 }
    }

    @inline(never)
    private func readWithCare(_ row: Row, _ k: Int) throws -> Double {
      let column = table.columns[k]
      let role = table.roles[k]
      switch role {
      case .label, .feature(.categorical): return .nan
      case .time, .laterTime:
        guard let time = try times[k]!.read(row) else { throw TimeColumn.missing(in: table.header.names[column]) }
        if !laterTimes.isEmpty { lastTimes[k] = time }
        return time.value
      case .feature(.date(let format)): return try DateField.days(row, column, table.header, format)
      default: break
      }
      if role == .fold, let block = TimeFold.block(row.text(column)) { return Double(-1 - block) }
      let reading = row.number(column, reader)
      switch (reading, role) {
      case (.missing, _): return .nan
      case (.number(let value), .index), (.number(let value), .fold):
        guard value >= 0, value < 1e9, value == value.rounded() else {
          throw Failure(.badData, "\"\(row.text(column))\" is not a whole number from 0", at: .init(column: table.header.names[column]))
        }
        return value
      case (.notANumber, .fold):
        throw Failure(
          .badData, "\"\(printable(row.text(column)))\" is neither the number of a fold nor a block of time such as t3",
          at: .init(column: table.header.names[column]))
      case (.number(let value), .weight) where value < 0:
        throw Failure(.badData, "\"\(row.text(column))\" is negative, and a weight is not", at: .init(column: table.header.names[column]))
      case (.number(let value), _): return value
      case (.infinite(let value), .number): return value
      case (.infinite, .feature(.undeclared)), (.overflow, .feature(.undeclared)):
        pending.append((k, row.text(column), .infinite))
        return .nan
      case (_, .feature(.undeclared)):
        let text = row.text(column)
        pending.append((k, text, .look(look(text))))
        return .nan
      case (.infinite, .feature), (.overflow, .feature):
        throw StrayField.infinite(row.text(column), at: .init(column: table.header.names[column]))
      default: throw numberFailure(reading, row, column, table.header)
      }
    }

    override func finish(_ rows: Rows, into output: ByteBuffer) throws {
      turned = values.columns(rows: rowsRead)
    }

    override func commit(_ rows: Rows) throws {
      for k in 0..<width { table.values[k].append(contentsOf: turned[k * rowsRead..<(k + 1) * rowsRead]) }
      let before = table.records.rows
      for (k, found) in fields {
        table.fields[k, default: FeatureFields()].add(found) { row in
          let (input, line) = rows.place(row)
          return (before + row, .init(input: input, line: line, column: table.header.names[table.columns[k]]))
        }
      }
      if rowsPacked > 0 {
        let added = UnsafeBufferPointer(start: packed.base, count: rowsPacked * packed.width)
        table.reservePacked(added.count)
        table.packed.append(contentsOf: added)
      }
      let isUnanswered = table.packing?.answersTaught == false && rowsPacked == rows.count
      rowsRead = 0
      rowsPacked = 0
      fields.removeAll(keepingCapacity: true)
      if isUnanswered { table.records.skip(rows.count) } else { try table.records.append(rows) }
    }
  }
}
