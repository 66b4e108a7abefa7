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
  let columns: [Int]
  let roles: [Role]
  private var shareRead = 0.0
  /// A column at a time, so that one can be handed over without a copy, and growing never holds all of them twice.
  var values: [[Double]] = []
  /// Numbers of some columns, row after row, of the rows whose target is present.
  var packed: [Double] = []
  let packing: Packing?
  /// Of each undeclared feature, by its place among the columns: what its fields look like.
  var fields: [Int: FeatureFields] = [:]
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
  func reservePacked(_ extra: Int) {
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
}
