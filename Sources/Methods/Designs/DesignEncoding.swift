import Groundwork
import MethodKit
import Quantiles

/// How features become the columns of a linear design, learnt on training rows.
///
/// A numeric feature is one column, missing values answered by the training median, and a second column that is one where it is missing if it
/// ever was in training. A categorical feature is a column of zeros and ones for each category that occurs in training but the first, in the
/// order given; missing is a category of its own, the last, if it occurs. A category that did not occur is answered as the first one.
/// Of a feature with more than `mostCategories` only so many have a column, the most frequent of those with some rows; the others share none of
/// their own, as do categories that did not occur. Features that are constant in training give no column. There is no column for the intercept.
public struct DesignEncoding: BinaryCodable, Equatable, Sendable {
  package enum Kind: UInt8 { case number, missing, category }

  package struct Column: Equatable, Sendable {
    package var kind: Kind
    /// Index of the feature.
    package var feature: Int
    /// For people: `age`, `age missing`, `colour=red`.
    package var name: String
    /// Training median of a number; 0 for the others.
    package var median: Double
    /// The category that the column marks; nil is missing.
    package var category: FieldText?
  }

  package let featureCount: Int
  package private(set) var columns: [Column]
  /// Names of features that are constant in training.
  public let constantFeatures: [String]
  /// How many categories share the row of zeros, with their feature's name, where some do: for people, and in no model file.
  package internal(set) var pooled: [String] = []

  public var count: Int { columns.count }
  public var names: [String] { columns.map(\.name) }

  /// How messages call a column: one that marks missing values is no feature.
  package func title(_ column: Int) -> String {
    let column = columns[column]
    return column.kind == .missing ? "whether \(column.name.dropLast(" missing".count)) is missing" : column.name
  }

  /// Learns from all rows of `features`. Cost O(values).
  public init(learning features: FeatureTable, mostCategories: Int = .max) {
    featureCount = features.columns.count
    var columns: [Column] = []
    var constant: [String] = []
    for (index, name) in features.names.enumerated() {
      let (before, pooledBefore) = (columns.count, pooled.count)
      switch features.columns[index] {
      case .numeric(let values):
        let present = values.filter { !$0.isNaN }
        let median = present.isEmpty ? 0 : lowerMedian(present)
        if present.contains(where: { $0 != present[0] }) {
          columns.append(Column(kind: .number, feature: index, name: name, median: median))
        }
        if !present.isEmpty && present.count < values.count {
          columns.append(Column(kind: .missing, feature: index, name: name + " missing", median: 0))
        }
      case .categorical(let codes, let categories):
        var counts = [Int](repeating: 0, count: categories.count)
        var missing = false
        for code in codes { if code >= 0 && Int(code) < categories.count { counts[Int(code)] += 1 } else { missing = true } }
        let present = categories.indices.filter { counts[$0] > 0 }
        var marked = Array(present.dropFirst())
        if present.count > mostCategories {
          marked = present.filter { counts[$0] >= leastCategoryRows }.sorted { (counts[$1], $0) < (counts[$0], $1) }.prefix(mostCategories).sorted()
          pooled.append("\(present.count - marked.count) of \(name)")
        }
        for code in marked {
          columns.append(Column(kind: .category, feature: index, name: "\(name)=\(categories[code])", median: 0, category: categories[code]))
        }
        if missing && !present.isEmpty {
          columns.append(Column(kind: .missing, feature: index, name: name + " missing", median: 0))
        }
      }
      if columns.count == before, pooled.count == pooledBefore { constant.append(name) }
    }
    self.columns = columns
    constantFeatures = constant
  }

  /// Writes row i of the design to `rows[i * stride + offset ...]`; `rows` holds at least `features.rows * stride` numbers.
  package func encode(_ features: FeatureTable, into rows: inout [Double], stride: Int, offset: Int) {
    precondition(rows.count >= features.rows * stride && offset + count <= stride)
    let n = features.rows
    let codeOf = codesOfColumns(features)
    rows.withUnsafeMutableBufferPointer { rows in
      // Blocks of rows stay in cache while the columns are woven in.
      for first in Swift.stride(from: 0, to: n, by: 1024) {
        let last = min(n, first + 1024)
        for (c, column) in columns.enumerated() {
          let place = offset + c
          guard column.feature < features.columns.count else {
            for i in first..<last { rows[i * stride + place] = column.median }
            continue
          }
          switch (features.columns[column.feature], column.kind) {
          case (.numeric(let values), .number):
            values.withUnsafeBufferPointer { values in
              for i in first..<last { rows[i * stride + place] = values[i].isNaN ? column.median : values[i] }
            }
          case (.numeric(let values), .missing):
            for i in first..<last { rows[i * stride + place] = values[i].isNaN ? 1 : 0 }
          case (.categorical(let codes, _), .missing):
            for i in first..<last { rows[i * stride + place] = codes[i] < 0 ? 1 : 0 }
          case (.categorical(let codes, _), .category):
            let code = codeOf[c]
            for i in first..<last { rows[i * stride + place] = codes[i] == code ? 1 : 0 }
          case (.categorical, .number), (.numeric, .category):
            // A feature of another kind than in training has no value that was learnt.
            for i in first..<last { rows[i * stride + place] = column.median }
          }
        }
      }
    }
  }

  /// The code in `features` of each column's category; −2 where it has none.
  private func codesOfColumns(_ features: FeatureTable) -> [Int32] {
    var answer = [Int32](repeating: -2, count: count)
    let marking = columns.indices.filter { columns[$0].kind == .category && columns[$0].feature < features.columns.count }
    for (feature, ofFeature) in Dictionary(grouping: marking, by: { columns[$0].feature }) {
      guard case .categorical(_, let categories) = features.columns[feature] else { continue }
      let place = Dictionary(ofFeature.map { (columns[$0].category!, $0) }, uniquingKeysWith: { first, _ in first })
      for (code, category) in categories.enumerated() {
        if let c = place[category], answer[c] < 0 { answer[c] = Int32(code) }
      }
    }
    return answer
  }

  /// Warns of categories without a column and of features without one.
  package func warn(_ context: FitContext) {
    if !pooled.isEmpty { context.warn("rare categories count as one: \(context.list(pooled))") }
    if !constantFeatures.isEmpty { context.warn("features left out: \(context.list(constantFeatures.map { "\($0) (constant)" }))") }
  }

  /// The n × count design of any rows with the training features.
  public func encode(_ features: FeatureTable) -> Matrix {
    var rows = [Double](repeating: 0, count: features.rows * count)
    encode(features, into: &rows, stride: count, offset: 0)
    return Matrix(rows: features.rows, columns: count, values: rows)
  }

  /// Whether it could have been learnt from such features: as many, of the kinds and with the categories that its columns stand for.
  package func fits(_ features: FeatureTable) -> Bool {
    guard featureCount == features.columns.count else { return false }
    let categories = features.columns.map { column -> Set<FieldText>? in
      if case .categorical(_, let categories) = column { Set(categories) } else { nil }
    }
    return columns.allSatisfy { column in
      switch column.kind {
      case .number: categories[column.feature] == nil
      case .missing: true
      case .category: categories[column.feature]?.contains(column.category ?? "") == true
      }
    }
  }

  /// The same encoding with only some of the columns.
  package func keeping(_ kept: [Int]) -> DesignEncoding {
    var copy = self
    copy.columns = kept.map { columns[$0] }
    return copy
  }

  // MARK: Model file

  public func encode(into writer: inout ByteWriter) {
    writer.write(featureCount)
    writer.write(constantFeatures)
    writer.write(columns.map(\.kind.rawValue))
    writer.write(columns.map { Int32($0.feature) })
    writer.write(columns.map(\.name))
    writer.write(columns.map(\.median))
    writer.write(columns.map { $0.category ?? "" })
  }

  public init(decoding reader: inout ByteReader) throws {
    featureCount = try reader.readInt()
    constantFeatures = try reader.readStrings()
    let kinds = try reader.readArray(of: UInt8.self)
    let sources = try reader.readArray(of: Int32.self)
    let names = try reader.readStrings()
    let medians = try reader.readArray(of: Double.self)
    let categories = try reader.readFieldTexts()
    guard featureCount >= 0, [sources.count, names.count, medians.count, categories.count].allSatisfy({ $0 == kinds.count }) else {
      throw ByteReader.damaged
    }
    columns = []
    for c in kinds.indices {
      guard let kind = Kind(rawValue: kinds[c]), sources[c] >= 0, Int(sources[c]) < featureCount, medians[c].isFinite else {
        throw ByteReader.damaged
      }
      columns.append(
        Column(
          kind: kind, feature: Int(sources[c]), name: names[c], median: medians[c],
          category: kind == .category ? categories[c] : nil))
    }
  }
}
