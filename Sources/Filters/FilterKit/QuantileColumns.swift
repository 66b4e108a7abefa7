import Groundwork
import Quantiles
import Tables

/// A quantile group as a tool works on it: its levels in the table, and those that are made for it.
public struct QuantileColumns: Sendable {
  public let name: String
  public let title: String
  /// Increasing.
  public let levels: [Double]
  /// Column of each level, nil where the level is made.
  public let columns: [Int?]

  public init(_ group: QuantileGroup, adding wanted: [Double] = []) {
    name = group.name
    title = group.title
    levels = Levels.union([group.levels, wanted])
    let columnOfLevel = Dictionary(uniqueKeysWithValues: zip(group.levels.map { Level($0) }, group.columns))
    columns = levels.map { columnOfLevel[Level($0)] }
  }

  public var presentColumns: [Int] { columns.compactMap { $0 } }

  /// Levels whose columns are made.
  public var madeLevels: [Double] { levels.indices.filter { columns[$0] == nil }.map { levels[$0] } }

  /// Of each group n rows of quantiles, row-major, NaN at levels that are made, out of rows in which all groups' present ones stand one group's
  /// after the other's.
  public static func values(of groups: [QuantileColumns], packed: [Double]) -> [[Double]] {
    let width = groups.reduce(0) { $0 + $1.presentColumns.count }
    if groups.count == 1, groups[0].levels.count == width { return [packed] }
    var first = 0
    return groups.map { group in
      defer { first += group.presentColumns.count }
      return group.values(packed, width: width, first: first)
    }
  }

  private func values(_ packed: [Double], width: Int, first: Int) -> [Double] {
    var next = first
    let places = columns.map { column -> Int in
      defer { next += column == nil ? 0 : 1 }
      return column == nil ? -1 : next
    }
    let rows = width == 0 ? 0 : packed.count / width
    return [Double](unsafeUninitializedCapacity: rows * places.count) { target, count in
      count = rows * places.count
      for row in 0..<rows {
        for (k, place) in places.enumerated() { target[row * places.count + k] = place < 0 ? .nan : packed[row * width + place] }
      }
    }
  }
}

/// Limits of answers, from `--bounds LOW,HIGH`; an empty side has none.
public struct AnswerBounds: Equatable, Sendable {
  public var low = -Double.infinity
  public var high = Double.infinity

  public init() {}

  public init(parsing text: String) throws {
    let sides = text.split(separator: ",", omittingEmptySubsequences: false)
    let numbers = sides.enumerated().map { k, side in side.isEmpty ? (k == 0 ? -Double.infinity : .infinity) : Double(side) ?? .nan }
    guard numbers.count == 2, numbers[0] < numbers[1] else {
      throw Failure(.usage, "--bounds \(text): not two increasing numbers", remedy: "write LOW,HIGH, either of which may be empty: 0,")
    }
    low = numbers[0]
    high = numbers[1]
  }

  public func clip(_ values: UnsafeMutableBufferPointer<Double>) {
    for k in 0..<values.count where !values[k].isNaN { values[k] = min(max(values[k], low), high) }
  }
}
