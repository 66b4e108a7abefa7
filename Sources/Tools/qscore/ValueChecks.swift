import ArgumentParser
import FilterKit
import Glibc

/// Values that cannot be, and flags that need another flag. Which flags a mode takes is told by `ScoringMode`.
extension QScore {
  func checkValues() throws {
    if processArguments.contains("--compare=") {
      throw ValidationError("--compare= names no baseline; the group without a name is --compare ''")
    }
    if let compare, let name = compare.name, table.files.isEmpty, isatty(STDIN_FILENO) == 1, let remedy = compare.fileRemedy {
      throw ValidationError("--compare takes \(name) for the baseline: \(remedy)")
    }
    if horizon != nil, order == nil { throw ValidationError("--horizon goes with --order") }
    if timeOption.timeFormat != nil, order == nil { throw ValidationError("--time-format tells how the column of --order is written") }
    if counts, transform != nil {
      throw ValidationError("--counts and --transform exclude each other: log_shift changes neither coverage nor the PIT")
    }
    if append, transform == nil { throw ValidationError("--append goes with --transform") }
    if let partId {
      if !partial { throw ValidationError("--part-id goes with --partial") }
      if let fault = PartIDs.fault(partId) { throw ValidationError(fault) }
    }
    if partial, !failIf.isEmpty { throw ValidationError("--fail-if judges the whole: give it to --merge") }
    if partial, table.output == .markdown { throw ValidationError("--partial writes csv, tsv or ndjson, not markdown") }
    try checkRange("--bins", bins, 1...1000)
    try checkRange("--horizon", horizon, 1...1_000_000)
    try checkRange("--permutations", permutations, 1...10_000_000)
    try checkRange("--bootstrap", bootstrap, 2...1_000_000)
    for (name, value) in [("--above", above), ("--below", below)] {
      if let value, !value.isFinite { throw ValidationError("\(name) \(value): a finite number is needed") }
    }
    if let above, let below, above >= below { throw ValidationError("--above \(above) is not less than --below \(below)") }
  }

  private func checkRange(_ name: String, _ value: Int?, _ range: ClosedRange<Int>) throws {
    if let value, !range.contains(value) { throw ValidationError("\(name) \(value): write a number from \(range.lowerBound) to \(range.upperBound)") }
  }
}
