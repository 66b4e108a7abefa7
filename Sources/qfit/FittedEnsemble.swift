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
    let progress = Progress("qfit: fitting", quiet: session.options.quiet)
    let meter = Monitor()
    var done = [Double](repeating: 0, count: jobs.count)
    var messages = [[String]](repeating: [], count: jobs.count)
    var notes = [[String]](repeating: [], count: jobs.count)
    let outer = min(session.threads, jobs.count)
    let sets = try parallelMap(parts.count, threads: session.threads) { training.trainingSet(without: parts[$0]) }
    let fitted = try parallelMap(jobs.count, threads: outer) { j -> any FittedLearner in
      let job = jobs[j]
      let context = FitContext(
        threads: max(1, session.threads / outer), seed: seed,
        warn: { text in meter.locked { messages[j].append(text) } },
        note: { text in meter.locked { notes[j].append(text) } },
        progress: { fraction in
          meter.locked {
            done[j] = fraction
            progress.update(done.reduce(0, +) / Double(jobs.count))
          }
        })
      let model = try learners[job.learner].learner.fit(sets[j / learners.count], levels: levels, context: context)
      context.progress(1)
      return model
    }
    progress.clear()

    FittedEnsemble.tell(jobs.map { (learners[$0.learner].name, $0.fold) }, messages, session.diagnostics.warn)
    FittedEnsemble.tell(jobs.map { (learners[$0.learner].name, $0.fold) }, notes, session.diagnostics.note)
    for (j, job) in jobs.enumerated() {
      let facts = fitted[j].summary.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
      session.diagnostics.note("\(learners[job.learner].name)\(job.fold.map { " without fold \($0)" } ?? ""): \(facts)")
    }
    full = needsFull ? Array(fitted[..<learners.count]) : nil
    var withoutFold: [Int: [any FittedLearner]] = [:]
    for (p, fold) in parts.enumerated() {
      if let fold { withoutFold[fold] = Array(fitted[(p * learners.count)..<((p + 1) * learners.count)]) }
    }
    self.withoutFold = withoutFold
  }

  /// Says each learner's messages once: those of the fit on all rows, and of folds only what is new.
  private static func tell(_ jobs: [(name: String, fold: Int?)], _ messages: [[String]], _ say: (String) -> Void) {
    var said: Set<String> = []
    for (job, texts) in zip(jobs, messages) {
      for text in texts where said.insert(job.name + text).inserted {
        say("\(job.name): \(text)\(job.fold.map { " (without fold \($0))" } ?? "")")
      }
    }
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
      tool: "qfit", methods: learners.map(\.specification.method), columns: header.names, target: target,
      features: schema.features.map(\.name), levels: levels, settings: learners.map(\.specification.text), training: summary, body: writer.bytes)
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
      schema = try FeatureSchema(&reader)
      levels = try reader.readArray(of: Double.self)
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
      guard reader.isAtEnd else { throw ByteReader.damaged }
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
    [("features", file.header.features.joined(separator: " ")), ("levels", levels.map(levelText).joined(separator: " "))]
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
