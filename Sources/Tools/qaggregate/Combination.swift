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
        if let k = group.levels.firstIndex(where: { Levels.key($0) == Levels.key(level) }), !values[from + k].isNaN { told.append(values[from + k]) }
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
    let differing = groups.filter { $0.levels.map(Levels.key) != levels.map(Levels.key) }
    guard !differing.isEmpty else { return }
    let list = groups.map { "\($0.name.isEmpty ? "(no name)" : $0.name) \($0.levels.count)" }.joined(separator: ", ")
    session.diagnostics.warn("the models have different levels (\(list) of \(levels.count)): missing ones are interpolated inside each model's range")
  }

  /// Says once which models were missing in how many rows.
  func tellMissing(_ workers: [CombiningWorker], _ session: FilterSession) {
    for (j, group) in groups.enumerated() {
      let rows = workers.reduce(0) { $0 + $1.rowsWithout[j] }
      if rows > 0 { session.diagnostics.warn("\(rows) row\(rows == 1 ? " lacks" : "s lack") model \(group.name), answered from the others") }
    }
    let infinite = workers.reduce(0) { $0 + $1.infiniteRows }
    if infinite > 0 { session.diagnostics.warn("\(infinite) row\(infinite == 1 ? " has" : "s have") infinite quantiles, which count as missing") }
    let unanswered = workers.reduce(0) { $0 + $1.unanswered }
    if unanswered > 0 { session.diagnostics.warn("\(unanswered) row\(unanswered == 1 ? " has" : "s have") no prediction of any model and no answer") }
  }

  /// The same groups combined in the way that was chosen.
  func with(_ method: ChosenMethod) -> Combination {
    let name = specification.name == specification.method ? method.name : specification.name
    return Combination(
      specification: MethodSpecification(name: name, method: method.name, settings: method.settings), groups: groups, levels: levels,
      isotonic: isotonic)
  }

  /// Makes a row of answers non-decreasing; missing ones stay where they are.
  func order(_ row: UnsafeMutableBufferPointer<Double>) {
    guard let isotonic else { return }
    let present = row.indices.filter { !row[$0].isNaN }
    guard !present.isEmpty else { return }
    if present.count == row.count {
      isotonic.apply(to: row, anchor: Isotonic.anchor(levels))
      return
    }
    for (i, value) in zip(present, isotonic.applied(to: present.map { row[$0] }, anchor: Isotonic.anchor(present.map { levels[$0] }))) {
      row[i] = value
    }
  }

  /// What `--save` keeps: a fit, or one for each of several folds that did not teach it, the first one's before the folds.
  func model(_ fits: [any FittedAggregator], folds: [Int]?, schema: FeatureSchema?, header: Header, target: String?, training: [String: String])
    -> ModelFile
  {
    var writer = ByteWriter()
    writer.write(specification.method)
    writer.write(models)
    writer.write(levels)
    writer.write(isotonic?.rawValue ?? "none")
    writer.write(schema != nil)
    schema?.encode(into: &writer)
    let fitted = fits[0]
    fitted.encode(into: &writer)
    if let folds {
      writer.write(folds)
      for other in fits.dropFirst() { other.encode(into: &writer) }
    }
    return ModelFile(
      tool: "qaggregate", settings: [specification.text], target: target, inputs: models + (schema?.features.map(\.name) ?? []), levels: levels,
      training: training.merging(fitted.summary.map { ($0.key, $0.value) }) { $1 }, columns: header.names, body: writer.bytes)
  }
}

/// A combination read from a file.
struct SavedCombination {
  /// One fit, or one for each of `folds`.
  let fitted: [any FittedAggregator]
  /// Where a row's column held tells what answers it.
  let folds: [Int]?
  let columns: [String]
  /// The features that its weights depend on.
  let schema: FeatureSchema?
  private let isotonic: IsotonicOperator?
  private let specification: MethodSpecification
  private let models: [String]
  private let levels: [Double]

  init(path: String) throws {
    let file = try ModelFile(path: path, tool: "qaggregate")
    columns = file.header.columns
    var reader = ByteReader(file.body)
    do {
      let method = try reader.readString()
      models = try reader.readStrings()
      levels = try reader.readArray(of: Double.self)
      let order = try reader.readString()
      isotonic = IsotonicOperator(rawValue: order)
      guard isotonic != nil || order == "none" else { throw ByteReader.damaged }
      schema = try reader.readBool() ? try FeatureSchema(&reader) : nil
      guard let type = aggregatorRegistry.first(where: { $0.description.name == method }) else {
        throw Failure(.badData, "the model combines by \"\(method)\", which this qaggregate does not know", remedy: "update qaggregate")
      }
      var fits = [try type.fitted.init(decoding: &reader)]
      let folds = reader.isAtEnd ? nil : try reader.readArray(of: Int.self)
      for _ in (folds ?? []).dropFirst() { fits.append(try type.fitted.init(decoding: &reader)) }
      guard folds.map({ $0.count > 1 && $0[0] >= 0 && zip($0, $0.dropFirst()).allSatisfy { $0 < $1 } }) ?? true else { throw ByteReader.damaged }
      (fitted, self.folds) = (fits, folds)
      guard reader.isAtEnd, !models.isEmpty, Set(models).count == models.count, Levels.areProper(levels) else { throw ByteReader.damaged }
      specification = MethodSpecification(name: method, method: method)
    } catch var failure as Failure {
      failure.place.input = path
      throw failure
    }
  }

  func fitted(forFold fold: Int) -> any FittedAggregator { fitted[folds?.firstIndex(of: fold) ?? 0] }

  /// The combination over this table's columns. Throws where a model's columns are not there.
  func combination(_ header: Header, _ session: FilterSession) throws -> Combination {
    let all = try header.quantileGroups(input: session.inputName)
    let groups = try models.map { name in
      guard let group = all.first(where: { $0.name == name }) else {
        throw session.failure(
          "there are no quantile columns of model \"\(name)\", which the model file combines", remedy: suggestion(for: name, among: all.map(\.name)))
      }
      return group
    }
    return Combination(specification: specification, groups: groups, levels: levels, isotonic: isotonic)
  }
}
