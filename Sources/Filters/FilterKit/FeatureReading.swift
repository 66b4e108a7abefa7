import Groundwork
import MethodKit
import Tables

/// Name and kind of each feature a model uses, with the categories it has seen.
public struct FeatureSchema: BinaryCodable, Equatable {
  public struct Feature: Equatable {
    public let name: String
    /// nil for a number.
    public let categories: [FieldText]?
  }
  public let features: [Feature]

  public init(_ table: FeatureTable) {
    features = zip(table.names, table.columns).map { name, column in
      switch column {
      case .numeric: Feature(name: name, categories: nil)
      case .categorical(_, let categories): Feature(name: name, categories: categories)
      }
    }
  }

  /// A table of these features without a row.
  public var noRows: FeatureTable {
    let columns = features.map { feature in feature.categories.map { .categorical(codes: [], categories: $0) } ?? FeatureTable.Column.numeric([]) }
    return FeatureTable(names: features.map(\.name), columns: columns, rows: 0)
  }

  public func encode(into writer: inout ByteWriter) {
    writer.write(features.count)
    for feature in features {
      writer.write(feature.name)
      writer.write(feature.categories != nil)
      if let categories = feature.categories { writer.write(categories) }
    }
  }

  public init(decoding reader: inout ByteReader) throws {
    var features: [Feature] = []
    let count = try reader.readInt()
    guard count >= 0 else { throw ByteReader.damaged }
    for _ in 0..<count {
      let name = try reader.readString()
      let categories = try reader.readBool() ? try reader.readFieldTexts() : nil
      guard categories.map({ Set($0).count == $0.count }) ?? true else { throw ByteReader.damaged }
      features.append(Feature(name: name, categories: categories))
    }
    guard Set(features.map(\.name)).count == count else { throw ByteReader.damaged }
    self.features = features
  }
}

/// The features of a stored table.
public func featureTable(_ table: StoredTable, columns: [Int]) throws -> FeatureTable {
  FeatureTable(names: columns.map { table.header.names[$0] }, columns: try columns.map { try featureColumn(table, $0) }, rows: table.rows)
}

/// The features of some rows of a stored table and those of some others. The table forgets each column's numbers once they are taken,
/// so that only one column is ever in memory twice.
public func takeFeatures(_ table: StoredTable, columns: [Int], of rows: [Int], and others: [Int]) throws -> (FeatureTable, FeatureTable) {
  let names = columns.map { table.header.names[$0] }
  let split = try columns.map { index in
    let column = try featureColumn(table, index)
    table.forgetNumbers(of: index)
    return (column.selecting(rows), column.selecting(others))
  }
  return (
    FeatureTable(names: names, columns: split.map(\.0), rows: rows.count), FeatureTable(names: names, columns: split.map(\.1), rows: others.count)
  )
}

private func featureColumn(_ table: StoredTable, _ column: Int) throws -> FeatureTable.Column {
  switch try table.feature(column) {
  case .numbers(let values): .numeric(values)
  case .categories(let codes, let categories): .categorical(codes: codes, categories: categories)
  }
}

/// Collects the features of streamed rows, a block at a time, as a model's schema reads them.
public struct FeatureCollector {
  private let header: Header
  private let columns: [Int]
  private let codes: [CategoryCodes?]
  private let schema: FeatureSchema
  private let reader = NumberReader()
  private var values: [Double] = []
  private var rows = 0
  /// Fields whose category the model has not seen.
  public private(set) var unseen = 0

  /// Throws where the input lacks a column of the schema.
  public init(_ schema: FeatureSchema, header: Header, input: String) throws {
    self.schema = schema
    self.header = header
    columns = try schema.features.map { feature in
      guard let column = header.index(of: feature.name) else {
        throw Failure(
          .badData, "there is no column \"\(feature.name)\", which the model uses", at: .init(input: input),
          remedy: suggestion(for: feature.name, among: header.names))
      }
      return column
    }
    codes = try schema.features.map { try $0.categories.map(CategoryCodes.init) }
  }

  /// Adds a row; throws for a field that is not the number the model needs.
  public mutating func add(_ row: Row) throws {
    let mark = values.count
    for (k, column) in columns.enumerated() {
      if let codes = codes[k] {
        let code = try codes.find(row, column)
        if code == nil, !KeyForm.of(row.content(column)).isEmpty { unseen += 1 }
        values.append(Double(code ?? -1))
        continue
      }
      do {
        values.append(try row.finiteNumber(column, reader, header))
      } catch {
        values.removeSubrange(mark...)
        throw error
      }
    }
    rows += 1
  }

  /// The rows since the last call.
  public mutating func take() -> FeatureTable {
    let width = columns.count
    let taken = schema.features.enumerated().map { k, feature -> FeatureTable.Column in
      let column = (0..<rows).map { values[$0 * width + k] }
      return feature.categories.map { .categorical(codes: column.map { Int32($0) }, categories: $0) } ?? .numeric(column)
    }
    defer {
      values.removeAll(keepingCapacity: true)
      rows = 0
    }
    return FeatureTable(names: schema.features.map(\.name), columns: taken, rows: rows)
  }
}

/// The codes of a feature's categories.
private struct CategoryCodes {
  private let keys = KeyTable()
  private var codes: [Int32] = []

  init(_ categories: [FieldText]) throws {
    for (code, category) in categories.enumerated() where try keys.number(of: [category]) == codes.count { codes.append(Int32(code)) }
  }

  /// nil for a category that is not there.
  func find(_ row: Row, _ column: Int) throws -> Int32? { try keys.find(row, [column]).map { codes[$0] } }
}

extension FilterSession {
  /// Warns of fields of streamed rows whose category the model has not seen.
  public func warnOfUnseen(_ fields: Int) {
    guard fields > 0 else { return }
    diagnostics.warn("\(counted(fields, "field holds a category", "fields hold categories")) the model has not seen, taken as missing")
  }

  /// Warns of feature columns in which most fields are numbers and few make all of them categories: a missing value in words, or a slip.
  /// Before the table forgets the numbers.
  public func warnOfStrayTexts(_ table: StoredTable, _ columns: [Int]) {
    for column in columns {
      guard let stray = table.nonNumbers(column) else { continue }
      let numbers = table.numbers(column).reduce(0) { $0 + ($1.isNaN ? 0 : 1) }
      let cause = "\(stray.place)\"\(printable(stray.text))\" is not a number, so the feature holds categories"
      if numbers <= stray.count {
        diagnostics.note(cause)
      } else {
        diagnostics.warn("\(cause), though \(numbers) of its \(numbers + stray.count) fields are numbers; a missing value is NA or empty")
      }
    }
  }
}
