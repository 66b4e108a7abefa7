import MethodKit

/// The functions of features over which conditional calibration covers: a constant, each number, and an indicator of each category
/// and of each column's missing values.
///
/// Their span does not depend on how numbers are scaled or which category comes first. A number that is missing counts as 0
/// beside its indicator. A category that no labelled row has spans nothing, and a row of it is like no other.
enum ConditionalDesign {
  /// Number d of functions.
  static func width(_ features: FeatureTable) -> Int {
    features.columns.reduce(1) { sum, column in
      switch column {
      case .numeric: sum + 2
      case .categorical(_, let categories): sum + categories.count + 1
      }
    }
  }

  /// Each answer is a program of as many variables.
  static let mostTaught = 512

  /// Of more nothing was ever learnt: memory grows with the square of d.
  static let mostFunctions = 1 << 12

  /// Whether some row of such features has these values.
  static func isRow(_ values: ArraySlice<Double>, of features: FeatureTable) -> Bool {
    var next = values.startIndex + 1
    return values.first == 1
      && features.columns.allSatisfy { column in
        switch column {
        case .numeric:
          defer { next += 2 }
          return values[next + 1] == 0 || values[next + 1] == 1 && values[next] == 0
        case .categorical(_, let categories):
          let own = values[next...next + categories.count]
          next += own.count
          return own.allSatisfy { $0 == 0 || $0 == 1 } && own.reduce(0, +) == 1
        }
      }
  }

  /// Their d values at a row.
  static func row(_ features: FeatureTable, _ i: Int) -> [Double] {
    var values = [1.0]
    for column in features.columns {
      switch column {
      case .numeric(let numbers):
        values += numbers[i].isNaN ? [0, 1] : [numbers[i] + 0, 0]
      case .categorical(let codes, let categories):
        var indicators = [Double](repeating: 0, count: categories.count + 1)
        let code = Int(codes[i])
        indicators[categories.indices.contains(code) ? code : categories.count] = 1
        values += indicators
      }
    }
    return values
  }
}
