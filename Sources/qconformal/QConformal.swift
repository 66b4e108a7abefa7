import ArgumentParser
import Calibration
import FilterKit
import Groundwork
import Methods
import Quantiles
import Tables

@main enum Main {
  static func main() { runFilter(QConformal.self) }
}

struct QConformal: FilterTool {
  static let configuration = CommandConfiguration(
    commandName: "qconformal",
    abstract: "Calibrate quantile predictions so that intervals cover as often as their levels say.",
    discussion: """
      Rows with a target teach how far quantiles are off; every row's quantiles are moved in place, each central interval (a \
      level and its mirror) by what makes it cover at its level in finite samples, and then ordered outwards from the median. A \
      labelled row is answered with what the rows of other folds teach (column fold; without one, with all rows but itself), an \
      unlabelled row with what all labelled rows teach. The labelled rows' predictions must come from models that did not see \
      them, as qfit and qaggregate write them.

      EXAMPLES
        qfit -y price < table.csv | qaggregate -y price | qsort |
          qconformal -y price > intervals.csv
        qconformal -y price --save cqr.model < validation.csv > /dev/null
        qconformal --load cqr.model < predicted.csv

      qconformal --help METHOD lists a method's settings.
      """,
    version: "qconformal \(filterVersion)")

  @Option(
    name: [.short, .long],
    help: ArgumentHelp("How to calibrate: \(methodList(calibratorRegistry.map { $0.description })).", valueName: "method"), completion: .list(calibratorRegistry.map { $0.description.name }))
  var method: String = "cqr"

  @OptionGroup var targetOption: TargetOption

  @Option(name: [.customShort("g"), .long], help: ArgumentHelp("Calibrate these quantile groups only, separated by commas; an empty name is the group without one (default: all).", valueName: "models"))
  var groups: String?

  @Option(name: .customLong("as"), help: ArgumentHelp("Leave the group as it is and append the calibrated one under this name.", valueName: "name"))
  var answerName: String?

  @OptionGroup var learning: LearningOptions
  @OptionGroup var table: TableOptions

  static var methods: [MethodDescription] { calibratorRegistry.map { $0.description } }

  func validate() throws {
    try learning.refuseTeaching([("--groups", groups != nil), ("--target", targetOption.target != nil)])
  }

  mutating func run() throws {
    if let load = learning.load { return try answer(with: SavedCalibration(path: load)) }
    let specification = try MethodSpecification.parseOne(method, known: Self.methods)
    let type = calibratorRegistry.first { $0.description.name == specification.method }!
    let calibrator = type.init(settings: try Settings(specification.settings, of: type.description))
    try learning.checkSaving()

    let session = try FilterSession(tool: "qconformal", table)
    guard let header = session.reader.header else { return try learning.finishEmpty(session) }
    try session.refuseCopies(header)
    let target = try session.requiredTarget(header, named: targetOption.target)
    let fold = header.index(of: "fold")
    let groups = try session.groups(header, picked: self.groups)
    if table.explain {
      let roles = [("target", header.names[target])] + (fold == nil ? [] : [("fold", "fold")])
      return try session.explain(roles + session.explanation(of: groups) + [("method", specification.text)])
    }
    let encoder = try self.encoder(session, header, groups)

    let roles: [(column: Int, role: HeldTable.Role)] =
      [(target, .finite)] + [fold].compactMap { $0 }.map { ($0, .index) } + groups.flatMap(\.columns).map { ($0, .number) }
    let held = try session.hold(header, roles: roles, memory: learning.memoryBytes)
    guard held.rows > 0 || learning.save != nil else {
      try session.writeHeader(encoder)
      return try session.finish(held.counts)
    }
    let rows = try CalibrationRows(held, target: target, fold: fold, session)
    let calibrations = try groups.map { group in
      try CrossCalibration(calibrator, rows.training(held, group), rows, answersLabelled: !learning.newOnly, session: session)
    }
    CrossCalibration.tellUnpaired(groups, calibrations, session)
    CrossCalibration.tellInfiniteEnds(groups, calibrations, session)
    if let save = learning.save {
      let saved = SavedCalibration(specification: specification, groups: groups, fitted: calibrations.map(\.full))
      try saved.model(header: header, target: header.names[target], rows: rows.labelled.count).save(to: save)
    }

    try session.writeHeader(encoder)
    try session.answer(held) {
      CalibratingWorker(
        header: header, groups: groups, encoder: encoder, appends: answerName != nil,
        calibration: .crossFitted({ g, row in try calibrations[g].fitted(forRow: row) }, skips: learning.newOnly ? rows.isLabelled : nil))
    }
    try session.finish(held.counts, written: learning.newOnly ? held.rows - rows.labelled.count : nil)
  }

  private func answer(with saved: SavedCalibration) throws {
    let session = try FilterSession(tool: "qconformal", table, modelColumns: saved.columns)
    guard let header = session.reader.header else { return try session.finish(RowCounts()) }
    let groups = try saved.groups(header, session)
    if table.explain { return try session.explain(session.explanation(of: groups) + [("method", saved.specification.text)]) }
    let encoder = try encoder(session, header, groups)
    try session.writeHeader(encoder)
    let counts = try session.stream(header) {
      CalibratingWorker(header: header, groups: groups, encoder: encoder, appends: answerName != nil, calibration: .loaded(saved.fitted))
    }
    try session.finish(counts)
  }

  private func encoder(_ session: FilterSession, _ header: Header, _ groups: [QuantileGroup]) throws -> RowEncoder {
    guard let answerName else { return try session.encoder(header, changed: groups.flatMap(\.columns)) }
    guard groups.count == 1, let group = groups.first else {
      throw Failure(.usage, "--as \(answerName): the table has \(groups.count) quantile groups", remedy: "pick one with -g")
    }
    return try session.encoder(header, appended: group.levels.map { QuantileGroup.columnName(answerName, $0) })
  }
}
