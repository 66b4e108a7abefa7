import FilterKit
import Groundwork
import Quantiles
import Tables

/// What was repaired in one quantile group. Sums are exact, so they do not depend on who added what.
struct Repairs {
  var rows = 0
  var levels = 0
  /// Of those, how many moved by a finite distance.
  var measured = 0
  var total = ExactSum()
  var largest = 0.0

  mutating func add(_ other: Repairs) {
    rows += other.rows
    levels += other.levels
    measured += other.measured
    total.add(other.total)
    largest = max(largest, other.largest)
  }
}

/// Makes the quantile groups of each row non-decreasing.
final class OrderingWorker: RowWorker {
  private struct Group {
    let levels: [Double]
    let columns: [Int]
    /// Position of the group's first cell.
    let firstCell: Int
  }

  private let header: Header
  private let groups: [Group]
  private let method: IsotonicOperator
  private let encoder: RowEncoder
  private let rounding: DecimalRounding?
  private let reader = NumberReader()
  private let cells: UnsafeMutablePointer<RowEncoder.Cell>
  /// Of the present values of one group: the values as read, as ordered, and which member of the group each is.
  private let values: UnsafeMutablePointer<Double>
  private let ordered: UnsafeMutablePointer<Double>
  private let members: UnsafeMutablePointer<Int32>
  private let order: UnsafeMutablePointer<Int>
  private(set) var repairs: [Repairs]

  init(header: Header, groups: [QuantileGroup], method: IsotonicOperator, encoder: RowEncoder) {
    self.header = header
    self.method = method
    self.encoder = encoder
    rounding = encoder.digits.map { DecimalRounding(digits: $0) }
    var firstCell = 0
    self.groups = groups.map { group in
      defer { firstCell += group.columns.count }
      return Group(levels: group.levels, columns: group.columns, firstCell: firstCell)
    }
    repairs = [Repairs](repeating: Repairs(), count: groups.count)
    let widest = groups.map(\.columns.count).max() ?? 0
    cells = .allocate(capacity: max(1, firstCell))
    values = .allocate(capacity: max(1, widest))
    ordered = .allocate(capacity: max(1, widest))
    members = .allocate(capacity: max(1, widest))
    order = .allocate(capacity: max(1, widest))
  }

  deinit {
    cells.deallocate()
    values.deallocate()
    ordered.deallocate()
    members.deallocate()
    order.deallocate()
  }

  override func handle(_ row: Row, into output: ByteBuffer) throws {
    var isChanged = false
    for g in groups.indices { if try order(row, g) { isChanged = true } }
    if !isChanged, encoder.copiesWholeRows {
      encoder.copy(row, into: output)
    } else {
      encoder.write(row, cells: cells, own: nil, into: output)
    }
  }

  /// Sets the cells of group `g`. False where its values are in order already.
  private func order(_ row: Row, _ g: Int) throws -> Bool {
    let group = groups[g]
    var count = 0
    var isOrdered = true
    var last = -Double.infinity
    try group.columns.withUnsafeBufferPointer { columns in
      for k in 0..<columns.count {
        let column = columns[k]
        cells[group.firstCell + k] = .text(of: column)
        let value = try row.number(column, reader, header)
        if value.isNaN { continue }
        values[count] = value
        members[count] = Int32(k)
        count += 1
        if value < last { isOrdered = false }
        last = value
      }
    }
    if isOrdered { return false }
    repair(group, count, &repairs[g])
    return true
  }

  private func repair(_ group: Group, _ count: Int, _ repairs: inout Repairs) {
    let buffer = UnsafeMutableBufferPointer(start: ordered, count: count)
    ordered.update(from: values, count: count)
    if method == .sort {
      // The values' own text moves with them.
      let order = UnsafeMutableBufferPointer(start: order, count: count)
      Isotonic.sortingPermutation(of: UnsafeBufferPointer(start: values, count: count), into: order)
      for k in 0..<count {
        ordered[k] = values[order[k]]
        cells[group.firstCell + Int(members[k])] = .text(of: group.columns[Int(members[order[k]])])
      }
    } else {
      let anchor = method == .minmax ? Isotonic.anchor((0..<count).map { group.levels[Int(members[$0])] }) : 0
      method.apply(to: buffer, anchor: anchor)
    }
    repairs.rows += 1
    for k in 0..<count where ordered[k] != values[k] {
      repairs.levels += 1
      let repair = abs(ordered[k] - values[k])
      if repair.isFinite {
        repairs.measured += 1
        repairs.total.add(repair)
        repairs.largest = max(repairs.largest, repair)
      }
    }
    if method == .sort { return }
    if let rounding { round(buffer, rounding) }
    for k in 0..<count where ordered[k] != values[k] { cells[group.firstCell + Int(members[k])] = .number(ordered[k]) }
  }

  /// Rounds what was computed; where that crosses what keeps its text, that too.
  private func round(_ ordered: UnsafeMutableBufferPointer<Double>, _ rounding: DecimalRounding) {
    for k in ordered.indices where ordered[k] != values[k] { ordered[k] = rounding.nearest(ordered[k]) }
    if crosses(UnsafeBufferPointer(ordered)) { for k in ordered.indices { ordered[k] = rounding.nearest(ordered[k]) } }
  }
}
