import FilterKit
import Groundwork
import Learners
import Methods
import Quantiles
import Tables

/// Every learner, fitted without each fold and, where needed, on all labelled rows.
final class FittedEnsemble {
  let learners: [NamedLearner]
  let levels: [Double]
  private let schema: FeatureSchema
  /// One fitted model a learner.
  private let full: [any FittedLearner]?
  private let withoutFold: [Int: [any FittedLearner]]
  private let trainingRows: Int
  private let folds: Int

  init(_ learners: [NamedLearner], _ training: LabelledRows, levels: [Double], needsFull: Bool, session: FilterSession, seed: UInt64) throws {
    self.learners = learners
    self.levels = levels
    schema = FeatureSchema(training.features)
    trainingRows = training.rows.count
    folds = training.folds.count

    struct Job {
      var learner: Int
      var fold: Int?
    }
    // The largest fits first, so that no thread is left with one at the end.
    let parts: [Int?] = (needsFull ? [nil] : []) + training.folds
    let jobs = parts.flatMap { fold in learners.indices.map { Job(learner: $0, fold: fold) } }
    let titles = jobs.map { job in FitJob(name: learners[job.learner].name, part: job.fold.map { "without fold \($0)" }) }
    let fitted = try session.runFits(titles, seed: seed, summary: { (model: any FittedLearner) in model.summary }) { j, context in
      // Made anew by each job: copies of all folds at once would take K times the table.
      let set = training.trainingSet(without: jobs[j].fold)
      return try learners[jobs[j].learner].learner.fit(set, levels: levels, context: context)
    }
    full = needsFull ? Array(fitted[..<learners.count]) : nil
    var withoutFold: [Int: [any FittedLearner]] = [:]
    for (p, fold) in parts.enumerated() {
      if let fold { withoutFold[fold] = Array(fitted[(p * learners.count)..<((p + 1) * learners.count)]) }
    }
    self.withoutFold = withoutFold
  }

  /// The models that answer rows of `fold` (−1: rows that did not train).
  func models(forFold fold: Int) -> [any FittedLearner] { withoutFold[fold] ?? full! }

  /// What `--save` keeps: the models fitted on all labelled rows.
  func model(header: Header, target: String) -> ModelFile {
    var writer = ByteWriter()
    schema.encode(into: &writer)
    writer.write(levels)
    writer.write(learners.count)
    for (learner, model) in zip(learners, full!) {
      writer.write(learner.name)
      writer.write(learner.specification.method)
      model.encode(into: &writer)
    }
    var summary = ["rows": "\(trainingRows)", "folds": "\(folds)"]
    for (learner, model) in zip(learners, full!) {
      summary[learner.name] = model.summary.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
    }
    return ModelFile(
      tool: "qfit", settings: learners.map(\.specification.text), target: target, inputs: schema.features.map(\.name), levels: levels,
      training: summary, columns: header.names, body: writer.bytes)
  }
}

/// Models read from a file.
final class SavedEnsemble {
  let schema: FeatureSchema
  let columns: [String]
  let models: [(name: String, model: any FittedLearner)]
  private let file: ModelFile
  private let levels: [Double]

  init(path: String) throws {
    file = try ModelFile(path: path, tool: "qfit")
    columns = file.header.columns
    var reader = ByteReader(file.body)
    do {
      let schema = try FeatureSchema(&reader)
      let levels = try reader.readArray(of: Double.self)
      var models: [(String, any FittedLearner)] = []
      let count = try reader.readInt()
      guard count > 0, count < 10_000 else { throw ByteReader.damaged }
      for _ in 0..<count {
        let name = try reader.readString()
        let method = try reader.readString()
        guard let learner = learnerRegistry.first(where: { $0.description.name == method }) else {
          throw Failure(.badData, "the model holds a learner \"\(method)\" that this qfit does not know", remedy: "update qfit")
        }
        models.append((name, try learner.decode(&reader)))
      }
      guard reader.isAtEnd, Levels.areProper(levels), models.allSatisfy({ $0.1.predict(schema.noRows).columns == levels.count }) else {
        throw ByteReader.damaged
      }
      self.schema = schema
      self.levels = levels
      self.models = models
    } catch var failure as Failure {
      failure.place.input = path
      throw failure
    }
  }

  var columnNames: [String] { models.flatMap { model in levels.map { QuantileGroup.columnName(model.name, $0) } } }

  /// Rows × (models × levels).
  func predict(_ features: FeatureTable) -> Matrix { joined(models.map { $0.model.predict(features) }, rows: features.rows) }

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
