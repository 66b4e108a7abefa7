import Groundwork
import MethodKit
import Tables

/// A column of dates, and how it writes them; nil is ISO 8601.
public struct DateColumn: Equatable, Sendable {
  public let name: String
  public let format: TimeFormat?
}

/// Name and kind of each feature a model uses, with the categories it has seen.
public struct FeatureSchema: BinaryCodable, Equatable {
  public struct Feature: Equatable {
    public let name: String
    /// nil for a number.
    public let categories: [FieldText]?
    /// The column of dates of which the feature is a part, and which part.
    let date: DateSource?

    init(name: String, categories: [FieldText]? = nil, date: DateSource? = nil) {
      self.name = name
      self.categories = categories
      self.date = date
    }
  }

  struct DateSource: Equatable {
    let column: DateColumn
    let part: DatePart
  }

  public let features: [Feature]

  /// `dates` names the columns of which features are parts.
  public init(_ table: FeatureTable, dates: [DateColumn] = []) {
    let sources = Dictionary(
      uniqueKeysWithValues: dates.flatMap { date in DatePart.allCases.map { ($0.name(of: date.name), DateSource(column: date, part: $0)) } })
    features = zip(table.names, table.columns).map { name, column in
      switch column {
      case .numeric: Feature(name: name, date: sources[name])
      case .categorical(_, let categories): Feature(name: name, categories: categories)
      }
    }
  }

  /// The columns that are read, each once.
  public var inputs: [String] {
    var inputs: [String] = []
    for feature in features {
      let column = feature.date?.column.name ?? feature.name
      if inputs.last != column { inputs.append(column) }
    }
    return inputs
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
      if let date = feature.date {
        writer.write(FeatureSchema.dateMark)
        writer.write(date.column.name)
        writer.write(date.column.format?.text ?? "")
        writer.write(date.part.rawValue)
        continue
      }
      writer.write(feature.categories != nil)
      if let categories = feature.categories { writer.write(categories) }
    }
  }

  /// Stands where others say whether they are categorical.
  private static let dateMark: UInt8 = 2

  public init(decoding reader: inout ByteReader) throws {
    var features: [Feature] = []
    let count = try reader.readInt()
    guard count >= 0 else { throw ByteReader.damaged }
    for _ in 0..<count {
      let name = try reader.readString()
      let mark = try reader.readByte()
      if mark == FeatureSchema.dateMark {
        let (source, text) = (try reader.readString(), try reader.readString())
        let format = text.isEmpty ? nil : try? TimeFormat(text)
        guard text.isEmpty || format != nil else { throw ByteReader.damaged }
        let column = DateColumn(name: source, format: format)
        guard let part = DatePart(rawValue: try reader.readString()) else { throw ByteReader.damaged }
        features.append(Feature(name: name, date: DateSource(column: column, part: part)))
        continue
      }
      guard mark < 2 else { throw ByteReader.damaged }
      let categories = mark == 1 ? try reader.readFieldTexts() : nil
      guard categories.map({ Set($0).count == $0.count }) ?? true else { throw ByteReader.damaged }
      features.append(Feature(name: name, categories: categories))
    }
    guard Set(features.map(\.name)).count == count else { throw ByteReader.damaged }
    self.features = features
  }
}

/// The features of a stored table. A date that is declared makes several, any other none.
public func featureTable(_ table: StoredTable, columns: [Int]) throws -> FeatureTable {
  let features = try columns.flatMap { try parts(of: $0, table) }
  return FeatureTable(names: features.map(\.name), columns: features.map(\.column), rows: table.rows)
}

/// The features of some rows of a stored table and those of some others. The table forgets each column's numbers once they are taken,
/// so that only one column is ever in memory twice.
public func takeFeatures(_ table: StoredTable, columns: [Int], of rows: [Int], and others: [Int]) throws -> (FeatureTable, FeatureTable) {
  var (names, taken, left): ([String], [FeatureTable.Column], [FeatureTable.Column]) = ([], [], [])
  for index in columns {
    for (name, column) in try parts(of: index, table) {
      names.append(name)
      taken.append(column.selecting(rows))
      left.append(column.selecting(others))
    }
    table.forgetNumbers(of: index)
  }
  return (FeatureTable(names: names, columns: taken, rows: rows.count), FeatureTable(names: names, columns: left, rows: others.count))
}

/// The features that a column makes.
private func parts(of column: Int, _ table: StoredTable) throws -> [(name: String, column: FeatureTable.Column)] {
  let name = table.header.names[column]
  if table.kind(column) == .date, !table.isDeclared(column) { return [] }
  switch try table.featureValues(column) {
  case .numbers(let days) where table.kind(column) == .date:
    return DatePart.allCases.map { part in (part.name(of: name), .numeric(days.map(part.value))) }
  case .numbers(let values): return [(name, .numeric(values))]
  case .categories(let codes, let categories): return [(name, .categorical(codes: codes, categories: categories))]
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
      let name = feature.date?.column.name ?? feature.name
      guard let column = header.index(of: name) else {
        throw Failure(
          .badData, "there is no column \"\(name)\", which the model uses", at: .init(input: input),
          remedy: suggestion(for: name, among: header.names))
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
        if let date = schema.features[k].date {
          values.append(date.part.value(ofDays: try DateField.days(row, column, header, date.column.format)))
        } else {
          values.append(try row.finiteNumber(column, reader, header))
        }
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
    for (code, category) in categories.enumerated() where try keys.number(ofForms: [category]) == codes.count { codes.append(Int32(code)) }
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
}
