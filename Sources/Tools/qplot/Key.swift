import Groundwork
import Tables

/// The values that some columns have in the rows of a panel, as `--by` makes them.
struct Key: Hashable {
  let columns: [String]
  /// As they first came.
  let values: [FieldText]
  private let forms: [FieldText]

  init(columns: [String], values: [FieldText]) {
    self.columns = columns
    self.values = values
    forms = values.map(KeyForm.of)
  }

  static func == (a: Key, b: Key) -> Bool { a.forms == b.forms }
  func hash(into hasher: inout Hasher) { hasher.combine(forms) }

  /// "location = 01" of each column.
  var title: [String] { zip(columns, values).map { "\($0) = \($1.isEmpty ? "(empty)" : $1)" } }

  /// By the values one after the other, as numbers where both are.
  static func precedes(_ a: Key, _ b: Key) -> Bool {
    for (x, y) in zip(a.forms, b.forms) where x != y {
      if let x = Double(x.description), let y = Double(y.description), x != y { return x < y }
      return x < y
    }
    return false
  }
}

extension Array {
  /// By the keys that the elements are about; those of one key stay in their order.
  func inOrder(of key: (Element) -> Key) -> [Element] {
    enumerated().sorted { a, b in
      let (x, y) = (key(a.element), key(b.element))
      return Key.precedes(x, y) || (!Key.precedes(y, x) && a.offset < b.offset)
    }.map(\.element)
  }
}
