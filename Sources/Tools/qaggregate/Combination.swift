import Aggregation
import FilterKit
import Groundwork
import MethodKit
import Quantiles
import Tables

/// Which groups are combined, at which levels, and how.
struct Combination {
  let specification: MethodSpecification
  let groups: [QuantileGroup]
  /// Every level of any group.
  let levels: [Double]
  /// What makes every answer non-decreasing; nil leaves it as it is.
  let isotonic: IsotonicOperator?
  /// Takes each group from its own levels to `levels`.
  let interpolations: [LevelInterpolation]

  init(specification: MethodSpecification, groups: [QuantileGroup], levels: [Double]? = nil, isotonic: IsotonicOperator?) {
    self.specification = specification
    self.groups = groups
    self.isotonic = isotonic
    let all = levels ?? Levels.union(groups.map(\.levels))
    self.levels = all
    interpolations = groups.map { LevelInterpolation(from: $0.levels, to: all) }
  }

  var models: [String] { groups.map(\.name) }

  /// Columns of all groups, one after the other.
  var columns: [Int] { groups.flatMap(\.columns) }

  /// Predictions of rows whose quantiles, in the order of `columns`, stand one row after the other. An infinite one says that the model cannot
  /// tell that level, and counts as missing.
  func predictions(_ values: [Double], rows: Int) -> BasePredictions {
    let width = columns.count
    let common = [Double](unsafeUninitializedCapacity: rows * groups.count * levels.count) { target, count in
      count = rows * groups.count * levels.count
      values.withUnsafeBufferPointer { values in
        var next = 0
        let finite = UnsafeMutableBufferPointer<Double>.allocate(capacity: width)
        defer { finite.deallocate() }
        for row in 0..<rows {
          for k in 0..<width {
            let value = values[row * width + k]
            finite[k] = value.isInfinite ? .nan : value
          }
          var from = 0
          for (group, interpolation) in zip(groups, interpolations) {
            interpolation.apply(
              UnsafeBufferPointer(rebasing: finite[from..<from + group.columns.count]),
              into: UnsafeMutableBufferPointer(rebasing: target[next..<next + levels.count]))
            from += group.columns.count
            next += levels.count
          }
        }
      }
    }
    return BasePredictions(models: models, levels: levels, rows: rows, values: common)
  }

  /// Answers a level that no model could tell as they do where all that have it agree: without a bound on the same side. `values` are a
  /// row's, as for `predictions`.
  func addUnboundedLevels(_ values: ArraySlice<Double>, to answer: UnsafeMutableBufferPointer<Double>) {
    for (t, level) in levels.enumerated() where answer[t].isNaN {
      var from = values.startIndex
      var told: [Double] = []
      for group in groups {
        if let k = group.levels.firstIndex(where: { Level($0) == Level(level) }), !values[from + k].isNaN { told.append(values[from + k]) }
        from += group.columns.count
      }
      if let first = told.first, first.isInfinite, told.allSatisfy({ $0 == first }) { answer[t] = first }
    }
  }

  /// A training set without rows, for methods that learn nothing.
  var nothingToLearn: AggregationTraining {
    AggregationTraining(predictions: BasePredictions(models: models, levels: levels, rows: 0, values: []), target: [])
  }

  /// Says once that level sets differ.
  func tellLevels(_ session: FilterSession) {
    let differing = groups.filter { $0.levels.map { Level($0) } != levels.map { Level($0) } }
    guard !differing.isEmpty else { return }
    let shown = groups.count > Listing.few + 1 ? differing : groups
    let list = session.diagnostics.list(shown.map { "\($0.name.isEmpty ? "(no name)" : $0.name) \($0.levels.count)" })
    let who = groups.count > Listing.few + 1 ? "\(differing.count) of \(groups.count) models lack levels" : "the models have different levels"
    session.diagnostics.warn("\(who) (\(list) of \(levels.count)): missing ones are interpolated inside each model's range")
  }

  /// The same groups combined in the way that was chosen.
  func with(_ method: ChosenMethod) -> Combination {
    let name = specification.name == specification.method ? method.name : specification.name
    return Combination(
      specification: MethodSpecification(name: name, method: method.name, settings: method.settings), groups: groups, levels: levels,
      isotonic: isotonic)
  }

  /// Makes a row of answers non-decreasing; missing ones stay where they are.
  func order(_ row: UnsafeMutableBufferPointer<Double>) { isotonic?.apply(toPresent: row, levels: levels) }

  /// What `--save` keeps: a fit, or one for each of several folds that did not teach it, the first one's before the folds, and each of the others
  /// with its method, since every copy chooses its own.
  func model(
    _ fits: [LeaningAggregator], folds: [Int]?, methods: [String], schema: FeatureSchema?, header: Header, target: String?,
    training: [String: String]
  )
    -> ModelFile
  {
    var writer = ByteWriter()
    writer.write(specification.method)
    writer.write(models)
    writer.write(levels)
    writer.write(isotonic?.rawValue ?? "none")
    writer.write(schema != nil)
    schema?.encode(into: &writer)
    let fitted = fits[0].fitted
    // Missing where it does not lean.
    writer.write(fits[0].share ?? .nan)
    fitted.encode(into: &writer)
    if let folds {
      writer.write(folds)
      for (k, other) in fits.enumerated().dropFirst() {
        writer.write(methods[k])
        other.fitted.encode(into: &writer)
      }
    }
    return ModelFile(
      tool: "qaggregate", settings: [specification.text], target: target, inputs: models + (schema?.inputs ?? []), levels: levels,
      training: training.merging(fitted.summary.map { ($0.key, $0.value) }) { $1 }, columns: header.names, body: writer.bytes)
  }
}
