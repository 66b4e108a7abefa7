import FilterKit
import Groundwork
import MethodKit
import Quantiles
import Tables

/// What there is to tell of a run.
extension ReshapePlan {
  /// Ends the run: `--stats`, and what there is to tell.
  func finish(_ counts: RowCounts, written: Int?, _ tally: Tally) throws {
    try refuseNothing(tally)
    try refuseMerging()
    try session.finish(
      counts, written: written, more: [("rest", tally.rest), ("unmatched", tally.unmatched), ("missing", tally.missing), ("left_out", tally.leftOut)])
    func warn(_ count: Int, _ one: String, _ several: String) {
      if count > 0 { session.diagnostics.warn("\(count) \(count == 1 ? one : several)") }
    }
    if tally.leftOut > 0 { session.diagnostics.note("\(counted(tally.leftOut, "quantile")) of other models or levels left out") }
    warnOfAbsence()
    let fate = (flags.rest.map { "kept in \($0)" } ?? "left out") + ": \(tally.restTypes)"
    warn(tally.rest, "row of other output types \(fate)", "rows of other output types \(fate)")
    warn(tally.blank, "row without a level and a value left out", "rows without a level and a value left out")
    warn(tally.missing, "quantile has no value and is left out", "quantiles have no value and are left out")
    warn(tally.empty, "unit has no quantiles and is left out", "units have no quantiles and are left out")
    report(unmatched: tally)
  }

  /// Throws where rows name a group as `--as` names the one without a name.
  func refuseMerging() throws {
    if let name = flags.unnamed, vocabulary.hasMerged { throw merged(name) }
  }

  private func report(unmatched tally: Tally) {
    guard let join else { return }
    if join.table.counts.skipped > 0, let first = join.table.counts.firstSkipped {
      session.diagnostics.warn(
        "skipped \(counted(join.table.counts.skipped, "bad row")) of --truth, the first at \(first)")
    }
    guard tally.unmatched > 0 else { return }
    var text = "\(tally.unmatched) of \(counted(tally.rows, "row")) found no observed value"
    if tally.unmatched == tally.rows, let missed = tally.missedKey, let known = join.table.firstKey {
      text += ": the input has \(printable(missed)), and --truth \(printable(known))"
    }
    session.diagnostics.warn(text)
  }

  /// Models and levels that were told and did not come.
  private func warnOfAbsence() {
    func warn(_ what: String, _ texts: [String]) {
      guard !texts.isEmpty else { return }
      let list = session.diagnostics.list(texts)
      session.diagnostics.warn("no quantiles of the \(what)\(texts.count == 1 ? "" : "s") \(list)")
    }
    warn("model", vocabulary.absentModels.map { $0.isEmpty ? "without a name" : printable($0) })
    warn("level", vocabulary.absentLevels.map(levelText))
  }

  /// Throws where a header has none of the models and levels that were asked for.
  func refuseNothing(_ groups: [QuantileGroup]) throws {
    guard groups.isEmpty, case .columns(let all, _) = source else { return }
    throw session.failure(
      "no quantile columns of these models and levels", remedy: suggestion(for: vocabulary.onlyModels?.first ?? "", among: all.map(\.name)))
  }

  /// Throws where rows have none of them, but others.
  func refuseNothing(_ tally: Tally) throws {
    guard tally.taken == 0, tally.leftOut > 0 else { return }
    let remedy = vocabulary.absentModels.first.map { suggestion(for: $0, among: vocabulary.presentModels) }
    let levels = vocabulary.presentLevels.prefix(30).map(levelText).joined(separator: ", ")
    throw session.failure("no quantiles of these models and levels", remedy: remedy ?? "there are levels \(levels)")
  }

  /// A hub's model output has no observed values.
  func warnOfTarget(_ format: String) {
    let observed = FilterSession.targetNames.filter { $0 != "target" } + [target.told].compactMap { $0 }
    if let name = passedNames.first(where: observed.contains) {
      session.diagnostics.warn("the observed values, \(name), are no part of a \(format)'s model output; --exclude \(name) leaves them out")
    }
  }

  /// A column that numbers rows makes each a unit of its own.
  func warnOfRowNumbers(_ tally: Tally) {
    guard case .long = source, tally.rows > 2, tally.taken == tally.rows, vocabulary.presentLevels.count > 1 else { return }
    let usual = ["", "Unnamed: 0", "rownames", "row.names", "index", "...1", "X"]
    let name = passed.map { header.names[$0] }.first(where: usual.contains)
    let cause = name.map { "where the column \"\($0)\" numbers the rows, --exclude \"\($0)\" leaves it out" }
    session.diagnostics.warn(
      "each unit has one quantile; \(cause ?? "a column that tells rows apart, as their numbers do, can be left out with --exclude")")
  }
}
