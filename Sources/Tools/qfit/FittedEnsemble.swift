import FilterKit
import Groundwork
import Learners
import MethodKit
import Quantiles
import Tables

/// Every learner, fitted without each of several sets of folds.
///
/// A model that holds more than its answers is let go as soon as it has given them, so that of forests no more than one a thread is in memory.
final class FittedEnsemble {
  let learners: [NamedLearner]
  let levels: [Double]
  private let schema: FeatureSchema
  /// By the rows that taught: one fitted model a learner, or what it answered.
  private let models: [FitRows: [Fitted]]
  private let trainingRows: Int
  private let folds: [Int]
  private let kept: [FitRows]

  private enum Fitted {
    case model(any FittedLearner)
    /// Of rows of the table, increasing.
    case answers(rows: [Int], Matrix, summary: [(key: String, value: String)])
  }

  /// `fits` are those on most rows first, so that no thread has one of them left at the end;
  /// with `saves`, the models that `model` keeps stay in memory. `chosen` are, for each fit, the
  /// learners with their settings.
  init(
    _ learners: [NamedLearner], fitted chosen: [[NamedLearner]], _ training: LabelledRows, levels: [Double], fits: [FitRows], copies: CopyPlan,
    saves: Bool, session: FilterSession,
    seed: UInt64
  ) throws {
    self.learners = learners
    self.levels = levels
    schema = FeatureSchema(training.features, dates: training.dates)
    trainingRows = training.rows.count
    folds = training.folds

    let jobs = fits.enumerated().flatMap { p, fit in
      learners.indices.map { (learner: $0, fit: fit, plan: chosen[p][$0].learner) }
    }
    let titles = jobs.map { FitJob(name: learners[$0.learner].name, omission: training.title($0.fit)) }
    kept = saves ? training.kept(copies) : []
    let kept = Set(kept)
    let fitted = try session.runFits(titles, seed: seed, summary: FittedEnsemble.summary) { j, context -> Fitted in
      // Made anew by each job: copies of all folds at once would take K times the table.
      let set = training.trainingSet(jobs[j].fit)
      let model = try jobs[j].plan.fit(set, levels: levels, context: context)
      if kept.contains(jobs[j].fit) || model.memory == 0 { return .model(model) }
      let rows = training.answered(among: 0..<training.tableRows).filter { training.isAnswered($0, by: jobs[j].fit, copies) }
      guard model.memory > 8 * rows.count * levels.count else { return .model(model) }
      return .answers(rows: rows, FittedEnsemble.answers(of: model, rows, training), summary: model.summary)
    }
    models = Dictionary(
      uniqueKeysWithValues: fits.enumerated().map { p, fit in (fit, Array(fitted[(p * learners.count)..<((p + 1) * learners.count)])) })
  }

  private static func summary(_ fitted: Fitted) -> [(key: String, value: String)] {
    switch fitted {
    case .model(let model): model.summary
    case .answers(_, _, let summary): summary
    }
  }

  /// Some rows at a time: the features of all at once are the table again.
  private static func answers(of model: any FittedLearner, _ rows: [Int], _ training: LabelledRows) -> Matrix {
    let block = 4096
    var values: [Double] = []
    var columns = 0
    for first in stride(from: 0, to: max(rows.count, 1), by: block) {
      let part = model.predict(training.features(ofAnswered: Array(rows[first..<min(first + block, rows.count)])))
      columns = part.columns
      values += part.values
    }
    return Matrix(rows: rows.count, columns: columns, values: values)
  }

  /// What the models of a fit answer to some rows of the table: rows × (learners × levels); NaN where nothing taught.
  func answers(_ fit: FitRows, _ rows: [Int], _ training: LabelledRows) -> Matrix {
    if fit == .none { return Matrix(rows: rows.count, columns: learners.count * levels.count, repeating: .nan) }
    var features: FeatureTable?
    return joined(
      models[fit]!.map { fitted in
        switch fitted {
        case .model(let model):
          let table = features ?? training.features(ofAnswered: rows)
          features = table
          return model.predict(table)
        case .answers(let known, let answers, _):
          return Matrix(
            rows: rows.count, columns: answers.columns,
            values: rows.flatMap { row in answers.row(partitionPoint(0..<known.count) { known[$0] >= row }) })
        }
      }, rows: rows.count)
  }

  /// What `--save` keeps: the models that answer rows that did not train, which are those fitted on all labelled rows, or, where rows
  /// are copied, those without each fold: these follow the first fold's, with the folds before them.
  func model(_ copies: CopyPlan, header: Header, target: String, order: [String: String]) -> ModelFile {
    let kept = kept.map { fit in
      models[fit]!.map { fitted -> any FittedLearner in
        guard case .model(let model) = fitted else { preconditionFailure("a model to be saved was let go") }
        return model
      }
    }
    var writer = ByteWriter()
    schema.encode(into: &writer)
    writer.write(levels)
    writer.write(learners.count)
    for (learner, model) in zip(learners, kept[0]) {
      writer.write(learner.name)
      writer.write(learner.specification.method)
      model.encode(into: &writer)
    }
    if copies.writesCopies {
      writer.write(folds)
      for models in kept.dropFirst() { for model in models { model.encode(into: &writer) } }
    }
    var summary = ["rows": "\(trainingRows)", "folds": "\(folds.count)"]
    summary.merge(order) { own, _ in own }
    if copies.writesCopies { summary["models"] = "one without each fold" }
    for (learner, model) in zip(learners, kept[0]) {
      summary[learner.name] = model.summary.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
    }
    return ModelFile(
      tool: "qfit", settings: learners.map(\.specification.text), target: target, inputs: schema.inputs, levels: levels,
      training: summary, columns: header.names, body: writer.bytes)
  }
}

/// Models read from a file.
final class SavedEnsemble {
  let schema: FeatureSchema
  let columns: [String]
  /// Where rows are answered once for each fold, without which the models were fitted.
  let folds: [Int]?
  private let names: [String]
  /// For each copy of a row one model a learner.
  private let models: [[any FittedLearner]]
  private let file: ModelFile
  private let levels: [Double]

  init(path: String) throws {
    file = try ModelFile(path: path, tool: "qfit")
    columns = file.header.columns
    var reader = ByteReader(file.body)
    do {
      let schema = try FeatureSchema(decoding: &reader)
      let levels = try reader.readArray(of: Double.self)
      guard Levels.areProper(levels) else { throw ByteReader.damaged }
      let features = schema.noRows
      var (names, learners, models): ([String], [any Learner.Type], [any FittedLearner]) = ([], [], [])
      let count = try reader.readInt()
      guard count > 0, count < 10_000 else { throw ByteReader.damaged }
      for _ in 0..<count {
        names.append(try reader.readString())
        let method = try reader.readString()
        guard let learner = learnerRegistry.first(where: { $0.description.name == method }) else {
          throw Failure(.badData, "the model holds a learner \"\(method)\" that this qfit does not know", remedy: "update qfit")
        }
        learners.append(learner)
        models.append(try learner.fitted.init(decoding: &reader, for: features, levels: levels))
      }
      var copies = [models]
      folds = reader.isAtEnd ? nil : try reader.readArray(of: Int.self)
      for _ in (folds ?? []).dropFirst() {
        copies.append(try learners.map { try $0.fitted.init(decoding: &reader, for: features, levels: levels) })
      }
      guard reader.isAtEnd, folds.map({ $0.count > 1 && $0[0] >= 0 && zip($0, $0.dropFirst()).allSatisfy { $0 < $1 } }) ?? true else {
        throw ByteReader.damaged
      }
      self.schema = schema
      self.levels = levels
      self.names = names
      self.models = copies
    } catch var failure as Failure {
      failure.place.input = path
      throw failure
    }
  }

  var columnNames: [String] { names.flatMap { name in levels.map { QuantileGroup.columnName(name, $0) } } }

  /// Rows × (models × levels).
  func predict(_ features: FeatureTable, copy: Int = 0) -> Matrix { joined(models[copy].map { $0.predict(features) }, rows: features.rows) }

  var explanation: [(String, String)] {
    [("features", file.header.inputs.joined(separator: " ")), ("levels", levels.map(levelText).joined(separator: " "))]
      + file.header.settings.map { ("learner", $0) }
  }
}

/// Matrices of equal rows side by side.
func joined(_ parts: [Matrix], rows: Int) -> Matrix {
  if parts.count == 1 { return parts[0] }
  var values: [Double] = []
  values.reserveCapacity(rows * parts.reduce(0) { $0 + $1.columns })
  for i in 0..<rows { for part in parts { values.append(contentsOf: part.row(i)) } }
  return Matrix(rows: rows, columns: parts.reduce(0) { $0 + $1.columns }, values: values)
}
