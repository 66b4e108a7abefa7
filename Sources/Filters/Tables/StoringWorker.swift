import Groundwork

/// Reads the rows of a table that is stored: the numbers that its columns are used as, each as its role has it.
final class StoringWorker: RowWorker {
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

extension StoredTable.Role {
  var isTime: Bool { if case .time = self { true } else { false } }
}
