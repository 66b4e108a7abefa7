import Groundwork
import Quantiles
import Tables

/// The quantiles of a row: read from their columns, changed, and written back in place or to the right. One value per worker.
///
/// Quantiles of all groups stand one group's after the other's, one a level; a missing one is NaN. What does not change keeps its bytes.
public final class QuantileCodec {
  /// How computed quantiles are rounded to `--digits`.
  public enum Rounding {
    case nearest
    /// Away from the median, so that no interval is narrower than it has to be.
    case outwards
    /// Up or down at every level, where each one bounds from above or from below.
    case up, down
  }

  public let groups: [QuantileColumns]
  /// Quantiles of a row.
  public let width: Int
  private let starts: [Int]
  private let columns: NumberColumns
  /// −1 where the level is made.
  private let columnOfValue: UnsafeMutablePointer<Int>
  /// The place of the quantile whose text a quantile has: its own, until sorting moves it.
  private let textOfValue: UnsafeMutablePointer<Int>
  private var hasMovedTexts = false
  private let given: UnsafeMutablePointer<Double>
  private let changed: UnsafeMutablePointer<Double>
  /// Of levels that are made.
  private let made: UnsafeMutablePointer<Double>
  private let cells: UnsafeMutablePointer<RowEncoder.Cell>
  private let rounding: DecimalRounding?

  public init(_ groups: [QuantileColumns], _ header: Header, digits: Int? = nil) {
    self.groups = groups
    starts = groups.indices.map { g in groups[..<g].reduce(0) { $0 + $1.levels.count } }
    let all = groups.flatMap(\.columns)
    width = all.count
    columns = NumberColumns(all, header)
    rounding = digits.map { DecimalRounding(digits: $0) }
    columnOfValue = .allocate(capacity: max(1, width))
    columnOfValue.initialize(from: all.map { $0 ?? -1 }, count: width)
    textOfValue = .allocate(capacity: max(1, width))
    textOfValue.initialize(from: Array(0..<width), count: width)
    given = .allocate(capacity: max(1, width))
    changed = .allocate(capacity: max(1, width))
    made = .allocate(capacity: max(1, width))
    cells = .allocate(capacity: max(1, width))
  }

  deinit {
    columnOfValue.deallocate()
    textOfValue.deallocate()
    given.deallocate()
    changed.deallocate()
    made.deallocate()
    cells.deallocate()
  }

  // MARK: Reading

  /// Reads a row's quantiles. Throws for a field that is no number.
  public func read(_ row: Row) throws {
    try columns.read(row, into: given)
    changed.update(from: given, count: width)
    if hasMovedTexts {
      for k in 0..<width { textOfValue[k] = k }
      hasMovedTexts = false
    }
  }

  /// All quantiles as they were read.
  public var all: UnsafeBufferPointer<Double> { UnsafeBufferPointer(start: given, count: width) }

  /// All quantiles as they were changed.
  public var answered: UnsafeBufferPointer<Double> { UnsafeBufferPointer(start: changed, count: width) }

  /// Changes all quantiles to these.
  public func restore(_ values: [Double]) { for k in 0..<width { changed[k] = values[k] } }

  /// The quantiles of a group as they were read.
  @inline(__always)
  public func given(_ g: Int) -> UnsafeBufferPointer<Double> { UnsafeBufferPointer(start: given + starts[g], count: groups[g].levels.count) }

  /// The quantiles of a group, to be changed.
  @inline(__always)
  public func values(_ g: Int) -> UnsafeMutableBufferPointer<Double> {
    UnsafeMutableBufferPointer(start: changed + starts[g], count: groups[g].levels.count)
  }

  /// Whether some group's quantiles, as they were read, decrease.
  public var isCrossing: Bool { groups.indices.contains { crosses(given($0)) } }

  /// Whether a finite quantile became infinite.
  public var isUnbounded: Bool { (0..<width).contains { given[$0].isFinite && changed[$0].isInfinite } }

  // MARK: Changing

  /// Rounds the quantiles of a group that changed to `--digits`; where that crosses what keeps its text, that too.
  public func round(_ g: Int, _ way: Rounding) {
    guard let rounding else { return }
    let (before, after, levels) = (given(g), values(g), groups[g].levels)
    func rounded(_ k: Int) -> Double {
      let level = Level(levels[k])
      switch way {
      case .up: return rounding.up(after[k])
      case .down: return rounding.down(after[k])
      case .outwards where !level.isMedian: return level < .median ? rounding.down(after[k]) : rounding.up(after[k])
      case .outwards, .nearest: return rounding.nearest(after[k])
      }
    }
    for k in after.indices where after[k] != before[k] { after[k] = rounded(k) }
    if crosses(UnsafeBufferPointer(after)) { for k in after.indices { after[k] = rounded(k) } }
  }

  /// Makes the present quantiles of a group non-decreasing; missing ones stay where they are. Sorted quantiles bring their texts along.
  /// False where they are in order already.
  public func order(_ g: Int, by operation: IsotonicOperator) -> Bool {
    let row = values(g)
    guard crosses(UnsafeBufferPointer(row)) else { return false }
    guard operation == .sort else {
      operation.apply(toPresent: row, levels: groups[g].levels)
      return true
    }
    let present = row.indices.filter { !row[$0].isNaN }
    let sorted = Isotonic.sortingPermutation(of: present.map { row[$0] }).map { present[$0] }
    let before = Array(row)
    for (place, source) in zip(present, sorted) where place != source {
      row[place] = before[source]
      textOfValue[starts[g] + place] = starts[g] + source
    }
    hasMovedTexts = true
    return true
  }

  // MARK: Writing

  /// Writes the row with its quantiles in place and those of made levels to the right. A quantile that did not change keeps its text where
  /// `keepsTexts`.
  public func write(_ row: Row, _ encoder: RowEncoder, into output: ByteBuffer, keepsTexts: Bool = true) {
    var (cell, own) = (0, 0)
    for k in 0..<width {
      let column = columnOfValue[k]
      if column < 0 {
        made[own] = changed[k]
        own += 1
        continue
      }
      let source = textOfValue[k]
      if source != k {
        cells[cell] = .text(of: columnOfValue[source])
      } else if keepsTexts && changed[k] == given[k] || changed[k].isNaN && given[k].isNaN {
        cells[cell] = .text(of: column)
      } else {
        cells[cell] = .number(changed[k])
      }
      cell += 1
    }
    encoder.write(row, cells: cells, own: made, into: output)
  }

  /// Writes the row as it is and its quantiles to the right.
  public func append(_ row: Row, _ encoder: RowEncoder, into output: ByteBuffer) {
    encoder.write(row, cells: nil, own: changed, into: output)
  }
}
