import Calibration
import FilterKit
import Groundwork
import MethodKit
import Quantiles
import Tables

/// `--method cv+`: the copies of a row, each by models that did not see one of the folds, become one calibrated row.
extension QConformal {
  func calibrateCopies(_ specification: MethodSpecification, _ bounds: AnswerBounds?) throws {
    _ = try Settings(specification.settings, of: CrossValidationPlus.description)
    if levels != nil { throw Failure(.usage, "--levels: \(specification.text) makes no levels", remedy: "use --method residual") }
    try refuseSkipping(specification)
    try learning.checkSaving(table)

    let session = try FilterSession(tool: "qconformal", table)
    guard let header = session.reader.header else { return try learning.finishEmpty(session) }
    let roles = try CalibratingRoles(session, header, self, takesCopies: true)
    let found = try session.groups(header, picked: self.groups)
    let groups = found.map { WorkingGroup($0) }
    if table.explain { return try session.explain(roles.explanation(header) + session.explanation(of: found) + [("method", specification.text)]) }
    let encoder = try self.encoder(session, header, groups, dropped: [roles.copy!])

    let quantiles: [(column: Int, role: HeldTable.Role)] = groups.flatMap(\.presentColumns).map { ($0, .number) }
    let held = try session.hold(header, roles: roles.held + quantiles, memory: learning.memoryBytes)
    guard held.rows > 0 || learning.save != nil else {
      try session.writeHeader(encoder)
      return try session.finish(held.counts)
    }
    let copies = try RowCopies(held, target: roles.target, fold: roles.fold, held: roles.copy!, shared: [roles.weight].compactMap { $0 }, session)
    let rows = try CalibrationRows(held, roles, decay: decay, session, teaches: copies.isOwn)
    let isLabelled = held.numbers(roles.target).map { !$0.isNaN }
    let calibrations = try groups.map {
      try CopiedCalibration(held, $0, copies, rows, leastRows: minRows, answersLabelled: !learning.newOnly || report, session: session)
    }
    held.forgetNumbers()
    let by = roles.by.map { header.names[$0] }
    CalibrationMessages(groups: groups, calibrations: calibrations, by: by, session: session).tell()
    if let save = learning.save {
      let saved = SavedCopies(
        specification: specification, folds: copies.folds,
        terms: CalibrationTerms(weight: roles.weight.map { header.names[$0] }, by: by, bounds: bounds ?? AnswerBounds()),
        groups: groups, calibrations)
      try saved.model(header: header, target: header.names[roles.target], rows: rows.labelled.count).save(to: save)
    }

    try session.writeHeader(encoder)
    let written = copies.first.indices.filter { !learning.newOnly || !isLabelled[copies.first[$0]] }
    let place = Places(written, of: copies.first.count)
    let answers = try zip(groups, calibrations).map { group, calibration in
      try CopiedCalibration.answers(calibration, written, levels: group.levels.count, threads: session.threads)
    }
    let plan = CalibratingWorker.Plan(
      header: header, groups: groups, encoder: encoder, appends: answerName != nil, weight: roles.weight, bounds: bounds ?? AnswerBounds())
    var workers: [CalibratingWorker] = []
    try session.answer(held) {
      workers.append(
        CalibratingWorker(
          plan,
          .computed(
            { g, row, values in
              let first = place[copies.originalOfRow[row]] * values.count
              answers[g].withUnsafeBufferPointer { _ = values.update(fromContentsOf: $0[first..<first + values.count]) }
            }, skips: { row in copies.first[copies.originalOfRow[row]] != row || place[copies.originalOfRow[row]] < 0 })))
      return workers.last!
    }
    CalibrationMessages.tellCrossing(
      workers, unwritten: learning.newOnly ? rows.crossing(calibrations.map(\.training), threads: session.threads) : 0, session.diagnostics.warn)
    try session.finish(held.counts, written: written.count)
    if report {
      try CalibrationReport(
        groups: groups, trainings: calibrations.map(\.training), calibrations: calibrations, rows: rows, by: by, bounds: plan.bounds
      ).write(session)
    }
  }

  func answerCopies(with saved: SavedCopies, _ bounds: AnswerBounds?) throws {
    try refuseSkipping(saved.specification)
    let session = try FilterSession(tool: "qconformal", table, modelColumns: saved.columns, reading: [learning.load!])
    guard let header = session.reader.header else { return try session.finish(RowCounts()) }
    let groups = try SavedCalibration.workingGroups(saved.groups.map { ($0.name, $0.whole.levels, []) }, header, session)
    if table.explain { return try explain(session, header, groups, saved.specification) }
    let held = try session.heldColumn(header)
    let encoder = try encoder(session, header, groups, dropped: [held])
    let plan = CalibratingWorker.Plan(
      header: header, groups: groups, encoder: encoder, appends: answerName != nil,
      weight: try saved.terms.weight.map { try session.column(header, $0) },
      bounds: bounds ?? saved.terms.bounds)
    let quantileColumns = Set(try header.quantileGroups(input: session.inputName).flatMap(\.columns))
    let worker = GatheringWorker(
      plan, saved, held: held, by: try session.columns(header, saved.terms.by),
      shared: (0..<header.count).filter { $0 != held && !quantileColumns.contains($0) })
    try session.writeHeader(encoder)
    // One after the other: copies of a row may lie in two blocks.
    let counts = try session.stream(header, threads: 1) { worker }
    if let copy = worker.missingCopy {
      throw session.failure(
        "the table ends before copy \(copy) of its last row", column: "held", remedy: "a row stands once for each fold, as qfit --load writes it")
    }
    CalibrationMessages.tellCrossing([worker.writer], session.diagnostics.note)
    try session.finish(counts, written: counts.read / saved.folds.count)
  }

  private func refuseSkipping(_ specification: MethodSpecification) throws {
    guard table.onError == .skip else { return }
    throw Failure(
      .usage, "--on-error skip: \(specification.text) takes rows in copies, of which none can be left out alone",
      remedy: "leave bad rows out before qfit")
  }
}

/// Of each of n things its position among those chosen, or −1.
private struct Places {
  private var places: [Int]

  init(_ chosen: [Int], of count: Int) {
    places = [Int](repeating: -1, count: count)
    for (place, thing) in chosen.enumerated() { places[thing] = place }
  }

  subscript(_ thing: Int) -> Int { places[thing] }
}

extension CopiedCalibration {
  /// The answers to these rows, as they were before they were copied: one value a level.
  fileprivate static func answers(_ calibration: CopiedCalibration, _ originals: [Int], levels: Int, threads: Int) throws -> [Double] {
    var answers = [Double](repeating: .nan, count: originals.count * levels)
    // Only read.
    nonisolated(unsafe) let calibration = calibration
    try answers.withDisjointSlots { target in
      let size = 256
      try parallelFor((originals.count + size - 1) / size, threads: threads) { (part: Int) throws in
        for i in part * size..<min((part + 1) * size, originals.count) {
          calibration.answer(originals[i], into: target[i * levels..<(i + 1) * levels])
        }
      }
    }
    return answers
  }
}
