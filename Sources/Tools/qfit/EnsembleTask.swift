import FilterKit
import Groundwork
import Learners
import LinearAlgebra
import Quantiles
import Tables

/// Fits learners on the labelled rows of a table, over its folds, and answers all rows.
struct EnsembleTask: LearningTask {
  let flags: QFit
  let learners: [NamedLearner]
  let levels: [Double]

  var options: LearningOptions { flags.learning }

  func roles(_ header: Header, _ session: FilterSession) throws -> TrainingRoles { try TrainingRoles(session, header, flags) }

  func explanation(_ roles: TrainingRoles, _ header: Header, _ session: FilterSession) -> [(String, String)] {
    roles.explanation(header, learners, levels)
  }

  func begin(_ roles: TrainingRoles, _ header: Header, _ session: FilterSession) -> Bool { true }

  func output(_ roles: TrainingRoles, _ header: Header) -> OutputColumns {
    let quantiles = learners.flatMap { learner in levels.map { QuantileGroup.columnName(learner.name, $0) } }
    return OutputColumns(
      appended: (writesFold(roles) ? ["fold"] : []) + (flags.copies.writesCopies ? ["held"] : []) + quantiles,
      marks: roles.order == nil ? [:] : ["fold": TimeFold.mark])
  }

  /// Whether folds are drawn here, so that they are told.
  private func writesFold(_ roles: TrainingRoles) -> Bool { roles.fold == nil && !options.newOnly }

  func storage(_ roles: TrainingRoles) -> TableStorage {
    // The text of rows that only teach is read again where it holds categories, and nowhere else.
    let isSmall = options.newOnly && !flags.copies.writesCopies && options.memory == nil
    return TableStorage(roles: roles.stored, memory: isSmall ? 1 << 26 : options.memoryBytes)
  }

  func features(_ roles: TrainingRoles) -> [Int] { roles.features }

  func learn(_ table: StoredTable, _ roles: TrainingRoles, _ session: FilterSession) throws -> FittedTable {
    try reserveBLASMemory(threads: session.threads)
    let seed = flags.seedOption.seed
    let training = try LabelledRows(
      table, roles, session, folds: flags.refitOptions.folds, newOnly: options.newOnly, copies: flags.copies, seed: seed)
    warnOfExtremeLevels(training, session)
    warnOfManyCoefficients(training, session)
    let choice = SettingChoice(trials: flags.tune ?? 1, levels: levels, seed: seed)
    let fits = training.fits(flags.copies, writesLabelled: !options.newOnly, saves: options.save != nil)
    func chosen(for fit: FitRows) throws -> [NamedLearner] {
      try learners.enumerated().map { try choice.choose($1, training, for: fit, index: $0, session) }
    }
    // Once on all labelled rows; but for each fit on the rows that it sees where rows are copied, as a copy must not know the fold it is held for,
    // and in order of time, where a fit must not know what comes later.
    let choosesByFit = (flags.copies.writesCopies || training.timed != nil) && choice.trials > 1
    let named = choosesByFit ? learners : try chosen(for: .without([]))
    let ensemble = try FittedEnsemble(
      named, fitted: choosesByFit ? try fits.map { try chosen(for: $0) } : fits.map { _ in named }, training, levels: levels, fits: fits,
      copies: flags.copies,
      saves: options.save != nil, session: session, seed: seed)
    return FittedTable(
      ensemble: ensemble, training: training, copies: flags.copies, target: table.header.names[roles.target],
      order: roles.order?.summary(table.header) ?? [:], writesFold: writesFold(roles),
      answeredRows: options.newOnly ? training.unlabelled : table.rows)
  }

  /// Says once that a linear fit without a fold has about as many coefficients as rows: it then meets most of them exactly and errs otherwise than
  /// the full fit, so that what learns from its errors (qconformal, qaggregate) learns of other models. Copies of rows are made for that, and
  /// without out-of-fold predictions there is nothing to learn from.
  private func warnOfManyCoefficients(_ training: LabelledRows, _ session: FilterSession) {
    let isLinear: (MethodSpecification) -> Bool = { specification in
      specification.method == "linear"
        || specification.method == "lasso" && specification.settings.contains { $0.key == "lambda" && Double($0.value) == 0 }
    }
    guard !options.newOnly, !flags.copies.writesCopies, training.timed == nil, let linear = learners.first(where: { isLinear($0.specification) })
    else { return }
    let rows = training.rows.filter { training.weight(of: $0) > 0 }
    let seen = training.folds.map { fold in rows.count { training.foldOfRow[$0] != fold } }.min() ?? rows.count
    let coefficients = training.features.columns.reduce(1) { sum, column in
      switch column {
      case .numeric: sum + 1
      case .categorical(_, let categories): sum + max(1, categories.count - 1)
      }
    }
    guard coefficients >= 5, 2 * coefficients > seen, coefficients < 4 * seen else { return }
    session.diagnostics.warn(
      "\(linear.name): fits without a fold have \(counted(coefficients, "coefficient")) for \(counted(seen, "row")), and err otherwise than those "
        + "that answer new rows, so what learns from them (qconformal) promises nothing; give more rows or fewer features, or use lasso or --cv-plus")
  }

  /// Says once, whatever the learners and folds, that a level has n · min(τ, 1 − τ) < 1 for n labelled rows of positive weight: less than
  /// one of them is expected beyond its quantile. It is answered all the same.
  private func warnOfExtremeLevels(_ training: LabelledRows, _ session: FilterSession) {
    let n = training.rows.lazy.filter { training.weight(of: $0) > 0 }.count
    let extreme = levels.min { min($0, 1 - $0) < min($1, 1 - $1) }!
    let share = min(extreme, 1 - extreme)
    // Levels are known to nine decimals.
    guard Double(n) * share < 1 - 1e-9 * Double(n) else { return }
    let rows = Int((1 / share - 1e-6).rounded(.up))
    session.diagnostics.warn(
      "level \(levelText(extreme)) needs \(rows) labelled rows, of which one is expected beyond it, and the table has \(n); "
        + "give more, or ask for less extreme --levels")
  }
}

/// Models fitted on a table, which answer its rows.
struct FittedTable: LearntAnswers {
  let ensemble: FittedEnsemble
  let training: LabelledRows
  let copies: CopyPlan
  let target: String
  /// What tells the order of rows, for a model file.
  let order: [String: String]
  let writesFold: Bool
  /// Rows of the table that get an answer, each counted once.
  let answeredRows: Int
  private let watch = Stopwatch()

  init(
    ensemble: FittedEnsemble, training: LabelledRows, copies: CopyPlan, target: String, order: [String: String], writesFold: Bool, answeredRows: Int
  ) {
    self.ensemble = ensemble
    self.training = training
    self.copies = copies
    self.target = target
    self.order = order
    self.writesFold = writesFold
    self.answeredRows = answeredRows
  }

  func model(_ header: Header) -> ModelFile { ensemble.model(copies, header: header, target: target, order: order) }

  func workers(_ encoder: RowEncoder, _ count: Int) -> [OutOfFoldWorker] {
    (0..<count).map { _ in OutOfFoldWorker(ensemble: ensemble, training: training, copies: copies, encoder: encoder, writesFold: writesFold) }
  }

  var written: Int? { training.answered(among: 0..<training.tableRows).reduce(0) { $0 + training.copies(of: $1, copies).count } }

  func conclude(_ workers: [OutOfFoldWorker], _ session: FilterSession) {
    session.diagnostics.note("\(counted(answeredRows, "row")) answered in \(watch.text)")
    if let timed = training.timed { session.tellUnanswered(timed, among: training.answered(among: 0..<training.tableRows)) }
  }
}
