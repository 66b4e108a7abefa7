import Calibration
import FilterKit
import Groundwork
import Tables

/// `--merge`: puts the scores of many tables together, and saves the calibration of all their rows.
struct ScoreMerging {
  let flags: QConformal

  /// Reads the files, and writes what `--save` and `--partial` ask for.
  func run() throws {
    try flags.learning.checkSaving(flags.table)
    let diagnostics = Diagnostics(tool: "qconformal", quiet: flags.table.quiet, verbose: flags.table.verbose)
    var files: [(name: String, scores: PartialScores)] = []
    for path in flags.table.files.isEmpty ? ["-"] : flags.table.files {
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
    if flags.compact || all.hasSketches {
      if all.terms.weight != nil { throw Failure(.usage, "--compact keeps no weights", remedy: "leave out --compact") }
      all.compact()
    }
    if let minRows = flags.minRows, all.terms.by.isEmpty { throw Failure(.usage, "--min-rows \(minRows): the scores were written without --by") }
    if let save = flags.learning.save {
      let one = files.count == 1 ? files[0].name : "any of \(files.count) files"
      guard all.rows > 0 else { throw Failure(.badData, "no labelled row in \(one)", remedy: "rows with a target teach the others") }
      let merged = try all.calibration(leastRows: flags.minRows)
      if all.terms.weight != nil, merged.totalWeight == 0 { throw Failure(.badData, "all weights are zero", at: .init(column: all.terms.weight)) }
      tell(merged, all, diagnostics)
      try merged.saved.model(columns: all.columns, target: all.target, rows: merged.rows).save(to: save)
    }
    if flags.partial {
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
      group.whole.corrections + group.byKey.sorted { $0.key < $1.key }.flatMap { $0.value.corrections }
    }
    if !merged.smallKeys.isEmpty {
      let count = merged.smallKeys.count
      diagnostics.warn(
        """
        \(counted(count, "group has", "groups have")) fewer than \(merged.rowsNeeded) labelled rows: all rows \
        calibrate \(count == 1 ? "it" : "them")
        """
      )
    }
    let infinite = corrections.filter { $0.amount == .infinity }
    if let worst = infinite.max(by: { $0.rowsNeeded < $1.rowsNeeded }) {
      diagnostics.warn(
        """
        \(infinite.count) of \(corrections.count) corrections are infinite: the outermost needs \
        \(counted(worst.rowsNeeded, "labelled row")) to be finite, and there \(worst.rows == 1 ? "is" : "are") \(worst.rows)
        """
      )
    }
  }
}
