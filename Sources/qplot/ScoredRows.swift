import FilterKit
import Groundwork
import Quantiles
import Tables

/// Rows with a target, for each model and each value of `--by` those with all of its quantiles.
struct ScoredRows {
  /// What is gathered over the rows of one model and one value of `--by`.
  final class Sums {
    let model: String
    /// The values of `--by`; empty without it.
    let part: String
    let levels: [Double]
    var rows = 0
    var values: [Double]

    init(_ model: String, _ part: String, _ levels: [Double], count: Int) {
      (self.model, self.part) = (model, part)
      self.levels = levels
      values = [Double](repeating: 0, count: count)
    }
  }

  private(set) var sums: [Sums] = []
  let target: String
  /// "left out: …", where rows were.
  private(set) var leftOut: [String] = []

  /// Adds up what `add` makes of each row's quantiles and target; `count` values for each group.
  init(
    _ input: PictureInput, count: (QuantileGroup) -> Int,
    add: (QuantileGroup) -> (_ quantiles: UnsafePointer<Double>, _ target: Double, _ values: inout [Double]) -> Void
  ) throws {
    let (session, header, reader) = (input.session, input.header, NumberReader())
    let groups = try session.groups(header, picked: input.groups)
    let target = try session.requiredTarget(header, named: input.target)
    let by = try session.columns(header, nameList(input.by))
    let adders = groups.map(add)
    let counts = groups.map(count)
    final class State {
      var parts: [[String]: Int] = [:]
      var sums: [[Sums]] = []
      var withoutTarget = 0
      var incomplete = 0
    }
    let state = State()
    try input.forEachRow { row in
      let y = try row.finiteNumber(target, reader, header)
      let quantiles = try groups.map { try $0.columns.map { try row.number($0, reader, header) } }
      guard !y.isNaN else {
        state.withoutTarget += 1
        return
      }
      let names = by.map { row.text($0) }
      let part = state.parts[names] ?? state.sums.count
      if part == state.sums.count {
        state.parts[names] = part
        let label = zip(by, names).map { "\(header.names[$0]) \($1)" }.joined(separator: ", ")
        state.sums.append(groups.indices.map { Sums(groups[$0].name, label, groups[$0].levels, count: counts[$0]) })
      }
      for g in groups.indices {
        guard !quantiles[g].contains(where: \.isNaN) else {
          state.incomplete += 1
          continue
        }
        let sums = state.sums[part][g]
        sums.rows += 1
        quantiles[g].withUnsafeBufferPointer { adders[g]($0.baseAddress!, y, &sums.values) }
      }
    }
    sums = state.sums.joined().filter { $0.rows > 0 }
    self.target = header.names[target]
    guard !sums.isEmpty else {
      throw session.failure("nothing to draw: no row has a target and all quantiles of a model", column: header.names[target])
    }
    if state.withoutTarget > 0 { leftOut.append("left out: \(counted(state.withoutTarget, "row")) without a target") }
    if state.incomplete > 0 { leftOut.append("left out: \(counted(state.incomplete, "row")) that lack\(state.incomplete == 1 ? "s" : "") quantiles of a model") }
  }
}

extension PictureInput {
  /// Whether the table is a report of qscore with these columns, not rows with quantiles.
  func isReport(with columns: [String]) -> Bool { (["model"] + columns).allSatisfy { header.index(of: $0) != nil } }

  /// Reads a report: for each row its model, what the columns before `end` say of the rows it is about, as `--by` makes them, and the
  /// numbers of `columns`.
  func report(_ columns: [String], before end: String, writtenBy command: String, _ take: @escaping (_ model: String, _ part: String, _ numbers: [Double]) throws -> Void) throws {
    let numbers = try self.columns(columns, writtenBy: command)
    let model = try self.columns(["model"], writtenBy: command)[0]
    let last = header.index(of: end) ?? header.count
    let others = (0..<last).filter { $0 != model && !numbers.contains($0) }
    let (header, reader) = (self.header, NumberReader())
    try forEachRow { row in
      let values = try numbers.map { try row.finiteNumber($0, reader, header) }
      try take(row.text(model), others.map { "\(header.names[$0]) \(row.text($0))" }.joined(separator: ", "), values)
    }
  }
}

/// The mean number of rows, or the range of it, as a caption tells it.
func rowCaption(_ counts: [Int]) -> String {
  let (low, high) = (counts.min() ?? 0, counts.max() ?? 0)
  return low == high ? "n = \(counted(low, "row"))" : "n = \(counted(low, "row").split(separator: " ")[0]) to \(counted(high, "row"))"
}
