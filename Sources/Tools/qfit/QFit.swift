import ArgumentParser
import FilterKit
import Groundwork
import Learners
import LinearAlgebra
import MethodKit
import Quantiles
import Tables

@main enum Main {
  static func main() { runFilter(QFit.self) }
}

struct QFit: FilterTool {
  static let configuration = CommandConfiguration(
    commandName: "qfit",
    abstract: "Fit base models for all quantile levels and predict.",
    discussion: """
      Rows with a target teach; rows whose target is empty are answered. Each learner adds a group of columns \
      LEARNER_qLEVEL. A labelled row gets the predictions of models that did not see its fold (column fold), an unlabelled \
      one those of models fitted on all labelled rows.

      EXAMPLES
        cat train.csv new.csv | qfit -y price -l linear,forest > predicted.csv
        qfit -y price -l forest --save forest.model < train.csv > /dev/null
        qfit --load forest.model < new.csv > predicted.csv

      qfit --help LEARNER lists a learner's settings.
      """,
    version: "qfit \(filterVersion)")

  @OptionGroup var targetOption: TargetOption

  @Option(
    name: [.customShort("x"), .long],
    help: ArgumentHelp("The features' columns, separated by commas (default: all without another role).", valueName: "names"))
  var features: String?

  @Option(help: ArgumentHelp("Columns that are not features, separated by commas.", valueName: "names"))
  var exclude: String?

  @Option(name: [.customShort("w"), .long], help: ArgumentHelp("Column of row weights, finite and not negative.", valueName: "name"))
  var weight: String?

  @Option(
    name: [.customShort("l"), .long],
    help: ArgumentHelp(
      "Learners, separated by commas, each [NAME=]LEARNER[:key=value,...]; repeatable (default: linear,forest). Known: \(methodList(learnerRegistry.map { $0.description })). Sets: \(learnerSets.map { "\($0.name) (\($0.members.joined(separator: ", ")))" }.joined(separator: ", ")).",
      valueName: "learners"),
    completion: .list(learnerRegistry.map { $0.description.name } + learnerSets.map(\.name)))
  var learner: [String] = []

  @Option(
    help: ArgumentHelp(
      "Levels to predict: a count (99 is k/100), a list (0.1,0.5,0.9) or a range (0.05:0.95:0.05) (default: the 23 of the forecast hubs).",
      valueName: "levels"))
  var levels: String?

  @Option(help: ArgumentHelp("Number of folds, where the table has no fold column (default: 5).", valueName: "k"))
  var folds: Int?

  @Option(help: ArgumentHelp("Keep rows with the same value in this column in one fold.", valueName: "name"))
  var group: String?

  @Flag(
    help:
      "Write rows as qconformal --method cv+ needs them, with a column held: a labelled row once, a row to be answered once for each fold, by models that did not see it. One fit a fold."
  )
  var cvPlus = false

  @Flag(
    help:
      "Write every row once for each fold (column held), by models that saw neither that fold nor the row's own, so that qaggregate can learn before qconformal --method cv+. K(K+1)/2 fits for K folds."
  )
  var nested = false

  @Option(
    help: ArgumentHelp("Try this many settings of each learner, the given ones and random draws, and keep the best out of fold.", valueName: "n"))
  var tune: Int = 1

  @Option(help: ArgumentHelp("Seed of all random choices.", valueName: "n"))
  var seed: UInt64 = 1

  @OptionGroup var learning: LearningOptions
  @OptionGroup var table: TableOptions

  static var methods: [MethodDescription] { learnerRegistry.map { $0.description } }

  var copies: CopyPlan { CopyPlan(crossValidation: cvPlus, nested: nested) }

  func validate() throws {
    if !(1...100_000).contains(tune) { throw ValidationError("--tune \(tune): 1 to 100000 are possible") }
    if let folds, folds < 2 { throw ValidationError("--folds \(folds): at least 2 are needed") }
    try learning.refuseTeaching([
      ("--learner", !learner.isEmpty), ("--levels", levels != nil), ("--folds", folds != nil), ("--group", group != nil),
      ("--weight", weight != nil), ("--features", features != nil), ("--exclude", exclude != nil), ("--tune", tune != 1), ("--cv-plus", cvPlus),
      ("--nested", nested),
    ])
    if cvPlus, nested { throw ValidationError("--nested writes all that --cv-plus writes; give one of them") }
    if nested, folds == 2 { throw ValidationError("--nested with --folds 2: without both nothing is left to fit; at least 3 are needed") }
  }

  mutating func run() throws {
    useSingleThreadedBLAS()
    if let load = learning.load { return try answer(with: load) }
    let specifications = try MethodSpecification.parse(
      learner.isEmpty ? ["linear,forest"] : learner, flag: "-l", known: Self.methods, sets: learnerSets)
    let learners = try specifications.map { try NamedLearner($0) }
    let levels = try self.levels.map(Levels.parse) ?? Levels.hub
    try learning.checkSaving(table)

    let session = try FilterSession(tool: "qfit", table)
    guard let header = session.reader.header else { return try learning.finishEmpty(session) }
    let roles = try TrainingRoles(session, header, self)
    if table.explain { return try session.explain(roles.explanation(header, learners, levels)) }

    let ownFold = roles.fold == nil && !learning.newOnly
    let encoder = try session.encoder(
      header,
      appended: (ownFold ? ["fold"] : []) + (copies.writesCopies ? ["held"] : [])
        + learners.flatMap { learner in levels.map { QuantileGroup.columnName(learner.name, $0) } })
    // The text of rows that only teach is read again where it holds categories, and nowhere else.
    let held = try session.hold(
      header, roles: roles.held, memory: learning.newOnly && !copies.writesCopies && learning.memory == nil ? 1 << 26 : learning.memoryBytes)
    guard held.rows > 0 || learning.save != nil else {
      try session.writeHeader(encoder)
      return try session.finish(held.counts)
    }
    let training = try LabelledRows(held, roles, session, folds: folds, newOnly: learning.newOnly, copies: copies, seed: seed)
    warnOfExtremeLevels(levels, training, session)
    let choice = SettingChoice(trials: tune, levels: levels, seed: seed)
    let chosen = try learners.enumerated().map { try choice.choose($1, training, index: $0, session) }
    let fits = copies.fits(
      folds: training.folds, writesLabelled: !learning.newOnly, needsFull: learning.newOnly || learning.save != nil || training.hasRowsWithoutFold)
    let ensemble = try FittedEnsemble(
      chosen, training, levels: levels, fits: fits, copies: copies, saves: learning.save != nil, session: session, seed: seed)
    if let save = learning.save { try ensemble.model(copies, header: header, target: header.names[roles.target]).save(to: save) }

    let watch = Stopwatch()
    try session.writeHeader(encoder)
    try session.answer(held) {
      OutOfFoldWorker(ensemble: ensemble, training: training, copies: copies, encoder: encoder, writesFold: ownFold)
    }
    let answered = learning.newOnly ? training.unlabelled : held.rows
    session.diagnostics.note("\(answered) row\(answered == 1 ? "" : "s") answered in \(watch.text)")
    try session.finish(held.counts, written: training.answered(among: 0..<held.rows).reduce(0) { $0 + training.copies(of: $1, copies).count })
  }

  /// Says once, whatever the learners and folds, that a level has n · min(τ, 1 − τ) < 1 for n labelled rows of positive weight: less than
  /// one of them is expected beyond its quantile. It is answered all the same.
  private func warnOfExtremeLevels(_ levels: [Double], _ training: LabelledRows, _ session: FilterSession) {
    let n = training.rows.lazy.filter { training.weight(of: $0) > 0 }.count
    let extreme = levels.min { min($0, 1 - $0) < min($1, 1 - $1) }!
    let share = min(extreme, 1 - extreme)
    // Levels are known to nine decimals.
    guard Double(n) * share < 1 - 1e-9 * Double(n) else { return }
    session.diagnostics.warn(
      "\(n) labelled row\(n == 1 ? " tells" : "s tell") little of level \(levelText(extreme)), beyond which less than one is expected; give \(Int((1 / share - 1e-6).rounded(.up))) rows, or ask for less extreme --levels"
    )
  }

  private func answer(with path: String) throws {
    let model = try SavedEnsemble(path: path)
    let session = try FilterSession(tool: "qfit", table, modelColumns: model.columns, reading: [path])
    guard let header = session.reader.header else { return try session.finish(RowCounts()) }
    if table.explain { return try session.explain(model.explanation) }
    let encoder = try session.encoder(header, appended: (model.folds == nil ? [] : ["held"]) + model.columnNames)
    let collector = try FeatureCollector(model.schema, header: header, input: session.inputName)
    try session.writeHeader(encoder)
    var workers: [LoadedWorker] = []
    let watch = Stopwatch()
    let counts = try session.stream(header) {
      let worker = LoadedWorker(model: model, collector: collector, encoder: encoder)
      workers.append(worker)
      return worker
    }
    session.diagnostics.note("\(counts.read - counts.skipped) rows read and answered in \(watch.text)")
    try session.finish(counts, written: model.folds.map { $0.count * (counts.read - counts.skipped) })
    let unseen = workers.reduce(0) { $0 + $1.unseen }
    if unseen > 0 {
      session.diagnostics.warn("\(unseen) field\(unseen == 1 ? " holds a category" : "s hold categories") the model has not seen, taken as missing")
    }
  }
}
