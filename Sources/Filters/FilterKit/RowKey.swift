import Groundwork
import Tables

/// The values of the `--by` columns. Two keys are equal where their values mean the same (`KeyForm`); missing is a value of its own.
package struct RowKey: Hashable, Comparable, Sendable {
  /// As they first came.
  package let values: [FieldText]
  private let forms: [FieldText]

  package init(_ values: [FieldText]) {
    self.values = values
    forms = values.map(KeyForm.of)
  }

  package static func == (a: RowKey, b: RowKey) -> Bool { a.forms == b.forms }
  package func hash(into hasher: inout Hasher) { hasher.combine(forms) }
  package static func < (a: RowKey, b: RowKey) -> Bool { a.forms.lexicographicallyPrecedes(b.forms) }

  /// "place=north, item missing" in messages.
  package func title(_ columns: [String]) -> String {
    zip(columns, zip(values, forms)).map { column, value in value.1.isEmpty ? "\(column) missing" : "\(column)=\(value.0)" }.joined(separator: ", ")
  }

  /// The key of every row of a stored table, spelt as its first labelled row spells it: parts of a table know no others.
  package static func keys(_ table: StoredTable, _ columns: [Int], labelled: @escaping (Int) -> Bool) throws -> [RowKey] {
    let (numbers, keys) = try table.keys(columns, spelledBy: labelled)
    let names = keys.names.map(RowKey.init)
    return numbers.map { names[Int($0)] }
  }
}

extension ByteWriter {
  package mutating func write(_ key: RowKey) { write(key.values) }

  /// A count, then the keys.
  package mutating func write(_ keys: [RowKey]) {
    write(keys.count)
    for key in keys { write(key) }
  }
}

extension ByteReader {
  /// A key of as many values.
  package mutating func readRowKey(columns: Int) throws -> RowKey {
    let key = RowKey(try readFieldTexts())
    guard key.values.count == columns else { throw ByteReader.damaged }
    return key
  }

  package mutating func readRowKeys(columns: Int) throws -> [RowKey] {
    let count = try readCount(ofAtLeast: 8)
    return try (0..<count).map { _ in try readRowKey(columns: columns) }
  }
}

/// Finds what belongs to the keys of rows.
package final class KeyLookup<Value> {
  private let keys = KeyTable()
  private var values: [Value] = []
  private let columns: [Int]

  package init(_ all: [(key: RowKey, value: Value)], columns: [Int]) throws {
    self.columns = columns
    for (key, value) in all {
      _ = try keys.number(of: key.values)
      values.append(value)
    }
  }

  /// nil where the row's key has nothing.
  package func find(_ row: Row) throws -> Value? { try keys.find(row, columns).map { values[$0] } }
}
