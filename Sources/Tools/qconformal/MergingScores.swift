import Calibration
import FilterKit
import Groundwork
import Tables

extension QConformal {
  /// Refuses flags that `--partial`, `--merge` and `--compact` do not go with.
  func validatePartial() -> String? {
    func given(_ flags: [(String, Bool)]) -> String? { flags.first(where: \.1)?.0 }
    if merge {
      let taught = [
        ("--method", method != nil), ("--one-sided", oneSided != nil), ("--groups", groups != nil), ("--target", targetOption.target != nil),
        ("--weight", weight != nil),
        ("--decay", decay != nil), ("--by", by != nil), ("--bounds", bounds != nil), ("--levels", levels != nil), ("--report", report),
        ("--as", answerName != nil),
        ("--new-only", learning.newOnly), ("--load", learning.load != nil), ("--given", self.given != nil),
        ("--explain", table.explain), ("--stats", table.stats != nil),
      ]
      if let name = given(taught) { return "--merge takes what the files of scores hold, so \(name) has no effect" }
      if learning.save == nil && !partial { return "--merge makes a model (--save FILE) or other scores (--partial)" }
      if compact && !partial { return "--compact goes with --partial" }
      return nil
    }
    if compact && !partial { return "--compact goes with --partial" }
    guard partial else { return nil }
    let answered = [
      ("--save", learning.save != nil), ("--load", learning.load != nil), ("--report", report), ("--as", answerName != nil),
      ("--new-only", learning.newOnly),
    ]
    if let name = given(answered) {
      return "--partial writes scores and answers nothing, so \(name) does not go with it; --merge --save makes the model"
    }
    if minRows != nil { return "--min-rows is decided by --merge, of all rows" }
    if decay != nil { return "--decay depends on how old rows are among all of them, which --partial does not see; use --weight" }
    if compact && weight != nil { return "--compact keeps no weights; leave out --compact" }
    return nil
  }

  /// Writes the scores of the table in place of it.
  func writePartial(_ scores: PartialScores, _ session: FilterSession, _ counts: RowCounts) throws {
    var scores = scores
    if compact { scores.compact() }
    try scores.file().write(to: session.output)
    try session.finish(counts, written: 0)
  }

  /// Puts the scores of many tables together, and saves the calibration of all their rows.
  func mergeScores() throws {
    try learning.checkSaving(table)
    let diagnostics = Diagnostics(tool: "qconformal", quiet: table.quiet, verbose: table.verbose)
    var files: [(name: String, scores: PartialScores)] = []
    for path in table.files.isEmpty ? ["-"] : table.files {
      let name = path == "-" ? "stdin" : path
      for file in try ModelFile.files(path: path, tool: "qconformal", kind: "scores") {
        do {
          files.append((name, try PartialScores(file)))
        } catch let failure as Failure {
          let isDamaged = failure == ByteReader.damaged
          throw Failure(
            .badData, isDamaged ? "the file of partial scores is damaged" : failure.cause, at: .init(input: name),
            remedy: isDamaged ? "make it anew with qconformal --partial" : failure.remedy)
        }
      }
    }
    var all = try PartialScores(merging: files)
    // What is a sketch stays of bounded size; scores that are all kept stay so.
    if compact || all.hasSketches {
      if all.terms.weight != nil { throw Failure(.usage, "--compact keeps no weights", remedy: "leave out --compact") }
      all.compact()
    }
    if let minRows, all.terms.by.isEmpty { throw Failure(.usage, "--min-rows \(minRows): the scores were written without --by") }
    if let save = learning.save {
      let one = files.count == 1 ? files[0].name : "any of \(files.count) files"
      guard all.rows > 0 else { throw Failure(.badData, "no labelled row in \(one)", remedy: "rows with a target teach the others") }
      let merged = try all.calibration(leastRows: minRows)
      if all.terms.weight != nil, merged.totalWeight == 0 { throw Failure(.badData, "all weights are zero", at: .init(column: all.terms.weight)) }
      tell(merged, all, diagnostics)
      try merged.saved.model(columns: all.columns, target: all.target, rows: merged.rows).save(to: save)
    }
    if partial {
      let output = OutputFile()
      try all.file().write(to: output)
      try output.close()
    }
  }

  private func tell(_ merged: MergedCalibration, _ scores: PartialScores, _ diagnostics: Diagnostics) {
    for (g, group) in merged.saved.groups.enumerated() {
      let prefix = scores.groups.count > 1 ? (group.name.isEmpty ? "the group without a name: " : "\(group.name): ") : ""
      for correction in group.whole.corrections {
        diagnostics.note(
          "\(prefix)levels \(correction.levels.map(levelText).joined(separator: " and ")): \(correction.effect), learnt from \(correction.rows) rows")
      }
      if merged.rankErrors[g] > 0 {
        diagnostics.note("\(prefix)thresholds are at most \(merged.rankErrors[g]) ranks above those of all \(merged.rows) scores, and never below")
      }
    }
    let corrections = merged.saved.groups.flatMap { group in
      group.whole.corrections + group.parts.sorted { $0.key < $1.key }.flatMap { $0.value.corrections }
    }
    if !merged.smallParts.isEmpty {
      let count = merged.smallParts.count
      diagnostics.warn(
        "\(count) group\(count == 1 ? " has" : "s have") fewer than \(merged.rowsNeeded) labelled rows: all rows calibrate \(count == 1 ? "it" : "them")"
      )
    }
    let infinite = corrections.filter { $0.amount == .infinity }
    if let worst = infinite.max(by: { $0.rowsNeeded < $1.rowsNeeded }) {
      diagnostics.warn(
        "\(infinite.count) of \(corrections.count) corrections are infinite: the outermost needs \(worst.rowsNeeded) labelled rows or more, \(worst.rows) teach it"
      )
    }
  }
}
