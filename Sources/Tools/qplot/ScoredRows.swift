import FilterKit
import Groundwork
import Quantiles
import Tables

/// Rows with a target, for each model and each value of `--by` those with all of its quantiles.
struct ScoredRows {
  /// What is gathered over the rows of one model and one value of `--by`.
  final class Sums {
    let model: String
    let key: Key
    let levels: [Double]
    var rows = 0
    var values: [Double]

    init(_ model: String, _ key: Key, _ levels: [Double], count: Int) {
      (self.model, self.key) = (model, key)
      self.levels = levels
      values = [Double](repeating: 0, count: count)
    }
  }

  /// Models in the order of the table, for one value of `--by` after the other.
  private(set) var sums: [Sums] = []

  /// Adds up what `add` makes of each row's quantiles and target; `count` values for each group. The caption tells what was left out.
  init(
    _ input: PictureInput, _ caption: inout Caption, count: (QuantileGroup) -> Int,
    add: (QuantileGroup) -> (_ quantiles: UnsafePointer<Double>, _ target: Double, _ values: inout [Double]) -> Void
  ) throws {
    let (header, reader) = (input.header, NumberReader())
    let columns = try DrawnColumns(input, needsTarget: true)
    let (groups, target) = (columns.groups, columns.target!)
    let names = columns.by.map { header.names[$0] }
    let codec = QuantileCodec(groups.map { QuantileColumns($0) }, header)
    let adders = groups.map(add)
    let counts = groups.map(count)
    final class State {
      var sums: [Key: [Sums]] = [:]
      var withoutTarget = 0
      var incomplete = 0
    }
    let state = State()
    try input.forEachRow { row in
      let y = try row.finiteNumber(target, reader, header)
      try codec.read(row)
      guard !y.isNaN else {
        state.withoutTarget += 1
        return
      }
      let key = Key(columns: names, values: columns.by.map { row.content($0) })
      let known = state.sums[key]
      let sums = known ?? groups.indices.map { Sums(groups[$0].name, key, groups[$0].levels, count: counts[$0]) }
      if known == nil { state.sums[key] = sums }
      let isWhole = groups.indices.map { !codec.given($0).contains(where: \.isNaN) }
      if isWhole.contains(false) { state.incomplete += 1 }
      for g in groups.indices where isWhole[g] {
        sums[g].rows += 1
        adders[g](codec.given(g).baseAddress!, y, &sums[g].values)
      }
    }
    sums = state.sums.sorted { Key.precedes($0.key, $1.key) }.flatMap(\.value).filter { $0.rows > 0 }
    guard !sums.isEmpty else {
      throw input.session.failure("nothing to draw: no row has a target and all quantiles of a model", column: header.names[target])
    }
    caption.leaveOut(state.withoutTarget, "row", "without a target")
    if groups.count == 1 {
      caption.leaveOut(state.incomplete, "row", "without all quantiles")
    } else if state.incomplete > 0 {
      caption.say("\(groupedCount(state.incomplete, "row")) without all quantiles of some model")
    }
  }
}
