import Designs
import Groundwork
import MethodKit

/// Features as small whole numbers that keep what a tree can split on: their order.
///
/// Codes start at 1; 0 (`missing`) is a missing value or a category that occurs rarely or never in training. A numeric column
/// with no more distinct values than there are codes has a code each, so splits on codes are exact; one with more is cut at
/// quantiles. A categorical column's codes follow the mean response of its categories, which for squared error makes the
/// best split of an order the best of all subsets (Fisher 1958; Breiman et al. 1984, §4.2.2). The mean of a category of few rows is
/// their own response again: splits on it would fit noise, so such categories share a code with those that are still to come.
package struct FeatureBinning: BinaryCodable, Sendable {
  static let missing: UInt16 = 0
  static let largestCode = Int(UInt16.max)

  package enum Column: Sendable {
    /// Increasing; the code is 1 + the number of cuts below the value.
    case numeric(cuts: [Double])
    /// The code of each category.
    case categorical(codes: [UInt16])
  }

  package let columns: [Column]
  /// How many categories of each column are pooled: for people, and in no model file.
  private var pooled: [Int] = []

  /// Learns codes from the training features. `codes` bounds the number of codes of a column.
  /// Cost: a sort of each column.
  init(_ features: FeatureTable, target: [Double], weights: [Double]?, codes: Int = largestCode, threads: Int) {
    precondition((2...FeatureBinning.largestCode).contains(codes))
    let learnt = try! parallelMap(features.columns.count, threads: threads) { c -> (column: Column, pooled: Int) in
      switch features.columns[c] {
      case .numeric(let values):
        return (.numeric(cuts: FeatureBinning.cuts(values, codes: codes)), 0)
      case .categorical(let categoryCodes, let categories):
        let (codes, pooled) = FeatureBinning.orderedByMean(categoryCodes, categories: categories.count, target, weights, codes: codes)
        return (.categorical(codes: codes), pooled)
      }
    }
    columns = learnt.map(\.column)
    pooled = learnt.map(\.pooled)
  }

  init(columns: [Column]) { self.columns = columns }

  /// Tells of categories without a code of their own; `names` are those of the features.
  func warn(_ context: FitContext, names: [String]) {
    let lines = zip(pooled, names).filter { $0.0 > 0 }.map { "\($0) of \($1)" }
    if !lines.isEmpty { context.warn("rare categories count as one: \(context.list(lines))") }
  }

  /// Cuts halfway between neighbouring distinct values, or between those at which about equal shares of the rows end.
  private static func cuts(_ values: [Double], codes: Int) -> [Double] {
    let sorted = values.filter { !$0.isNaN }.sorted()
    guard let last = sorted.last else { return [] }
    var distinct = 1
    for i in sorted.indices.dropFirst() where sorted[i] != sorted[i - 1] { distinct += 1 }
    var cuts: [Double] = []
    cuts.reserveCapacity(min(distinct, codes))
    var below = 0
    while sorted[below] != last {
      var next = below + 1
      while sorted[next] == sorted[below] { next += 1 }
      // The bins so far have to hold their share of the rows before the next one opens.
      if distinct <= codes || next * codes >= (cuts.count + 1) * sorted.count {
        let middle = sorted[below] / 2 + sorted[next] / 2
        cuts.append(middle >= sorted[below] && middle < sorted[next] ? middle : sorted[below])
      }
      below = next
    }
    return cuts
  }

  private static func orderedByMean(
    _ categoryOf: [Int32], categories: Int, _ target: [Double], _ weights: [Double]?, codes: Int
  ) -> (codes: [UInt16], pooled: Int) {
    var weight = [Double](repeating: 0, count: categories)
    var mean = [Double](repeating: 0, count: categories)
    var rows = [Int](repeating: 0, count: categories)
    for (i, category) in categoryOf.enumerated() where category >= 0 {
      let w = weights?[i] ?? 1
      guard w > 0 else { continue }
      weight[Int(category)] += w
      rows[Int(category)] += 1
      // A running mean, because a sum of huge responses would overflow.
      mean[Int(category)] += (target[i] - mean[Int(category)]) * (w / weight[Int(category)])
    }
    let present = (0..<categories).filter { rows[$0] > 0 }
    let order = present.filter { rows[$0] >= leastCategoryRows }.sorted { (mean[$0], $0) < (mean[$1], $1) }
    var answer = [UInt16](repeating: missing, count: categories)
    for (position, category) in order.enumerated() {
      answer[category] = UInt16(1 + (order.count <= codes ? position : position * codes / order.count))
    }
    return (answer, present.count - order.count)
  }

  /// Writes the codes of some rows, row-major: `codes[(i − rows.lowerBound) · columns + c]`.
  /// A column of the other kind than in training is missing throughout.
  /// Cost: rows × columns × log₂(distinct values).
  package func encode(_ features: FeatureTable, rows: Range<Int>, into codes: UnsafeMutablePointer<UInt16>) {
    precondition(features.columns.count == columns.count)
    let width = columns.count
    for c in 0..<width {
      var slot = codes + c
      switch (columns[c], features.columns[c]) {
      case (.numeric(let cuts), .numeric(let values)):
        cuts.withUnsafeBufferPointer { cuts in
          for i in rows {
            slot.pointee = FeatureBinning.code(of: values[i], cuts)
            slot += width
          }
        }
      case (.categorical(let codeOf), .categorical(let categoryOf, _)):
        for i in rows {
          let category = Int(categoryOf[i])
          slot.pointee = codeOf.indices.contains(category) ? codeOf[category] : FeatureBinning.missing
          slot += width
        }
      default:
        for _ in rows {
          slot.pointee = FeatureBinning.missing
          slot += width
        }
      }
    }
  }

  /// 1 + the number of cuts below `value`, by a binary search that does not branch on the data.
  @inline(__always)
  private static func code(of value: Double, _ cuts: UnsafeBufferPointer<Double>) -> UInt16 {
    if value.isNaN { return missing }
    var base = 0
    var length = cuts.count
    if length == 0 { return 1 }
    while length > 1 {
      let half = length >> 1
      base += cuts[base + half - 1] < value ? half : 0
      length -= half
    }
    return UInt16(truncatingIfNeeded: 1 + base + (cuts[base] < value ? 1 : 0))
  }

  /// Whether it could have been learnt from such features, as those that `encode` takes must be.
  func fits(_ features: FeatureTable) -> Bool {
    columns.count == features.columns.count
      && zip(columns, features.columns).allSatisfy { own, given in
        switch (own, given) {
        case (.numeric, .numeric): true
        case (.categorical(let codes), .categorical(_, let categories)): codes.count == categories.count
        default: false
        }
      }
  }

  package func encode(into writer: inout ByteWriter) {
    writer.write(columns.count)
    for column in columns {
      switch column {
      case .numeric(let cuts):
        writer.write(false)
        writer.write(cuts)
      case .categorical(let codes):
        writer.write(true)
        writer.write(codes)
      }
    }
  }

  package init(decoding reader: inout ByteReader) throws {
    let count = try reader.readInt()
    guard count >= 0 else { throw ByteReader.damaged }
    var columns: [Column] = []
    for _ in 0..<count {
      if try reader.readBool() {
        columns.append(.categorical(codes: try reader.readArray(of: UInt16.self)))
      } else {
        let cuts = try reader.readArray(of: Double.self)
        guard cuts.count < FeatureBinning.largestCode, zip(cuts, cuts.dropFirst()).allSatisfy({ $0 < $1 }), !(cuts.first?.isNaN ?? false) else {
          throw ByteReader.damaged
        }
        columns.append(.numeric(cuts: cuts))
      }
    }
    self.columns = columns
  }
}
