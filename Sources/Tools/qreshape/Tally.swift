import Tables

/// What a run counted, beside rows read and skipped.
struct Tally {
  /// Units, or rows where each is one.
  var rows: Int
  var readers: [CellReader] = []
  /// Rows of other output types.
  var rest = 0
  /// Rows that found no observed value, and the key of one.
  var unmatched = 0
  var missedKey: String?
  /// Quantiles without a value, and units without quantiles, that the output cannot hold.
  var missing = 0
  var empty = 0

  /// Quantiles of models and levels that were asked for, and of others.
  var taken: Int { readers.reduce(0) { $0 + $1.taken } }
  var leftOut: Int { readers.reduce(0) { $0 + $1.leftOut } }
  /// Rows without a level and a value.
  var blank: Int { readers.reduce(0) { $0 + $1.blank } }

  /// Rows of each other output type.
  var restTypes: String {
    var types: [String: Int] = [:]
    for case let reader as LongCellReader in readers { types.merge(reader.otherTypes) { $0 + $1 } }
    return types.sorted { $0.key < $1.key }.map { "\($0.value) \(printable($0.key))" }.joined(separator: ", ")
  }
}
