import ArgumentParser
import FilterKit
import Glibc

/// What `--compare` takes: a model, or nothing.
struct Baseline: ExpressibleByArgument, CustomStringConvertible {
  let name: String?

  init(name: String?) { self.name = name }
  init?(argument: String) { name = argument }

  /// What the help shows as the value of the bare flag: nothing.
  var description: String { name ?? "" }
}

/// Flags that do not go together.
extension QScore {
  func checkFlags() throws {
    let modes = [
      ("--per-row", perRow), ("--per-level", perLevel), ("--reliability", reliability), ("--pit", pit), ("--decompose", decompose),
      ("--compare", compare != nil),
    ]
    let given = modes.filter(\.1).map(\.0)
    if merge { try checkMerging(given) }
    if given.count > 1 { throw ValidationError("\(given[0]) and \(given[1]) exclude each other") }
    if let mode = given.first { try checkMode(mode) }
    if CommandLine.arguments.contains("--compare=") {
      throw ValidationError("--compare= names no baseline; the group without a name is --compare ''")
    }
    if let name = compare?.name, table.files.isEmpty, isatty(STDIN_FILENO) == 1, let remedy = fileRemedy(name) {
      throw ValidationError("--compare takes \(name) for the baseline: \(remedy)")
    }
    try need(
      "--compare", compare != nil,
      for: [
        ("--score", score != nil), ("--order", order != nil), ("--permutations", permutations != nil), ("--bootstrap", bootstrap != nil),
        ("--blocks", blocks != nil),
        ("--seed", seed != nil),
      ])
    try need("--order", order != nil, for: [("--horizon", horizon != nil)])
    try need("--pit", pit, for: [("--bins", bins != nil)])
    try need("--transform", transform != nil, for: [("--append", append)])
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

  /// For a baseline that is a file's name: what was meant, perhaps.
  func fileRemedy(_ name: String) -> String? {
    access(name, F_OK) == 0 ? "name files before --compare, or after --" : nil
  }

  private func checkMerging(_ modes: [String]) throws {
    let others = [
      ("--by", by != nil), ("--groups", groups != nil), ("--intervals", intervals != nil), ("--target", targetOption.target != nil),
      ("--weight", weight != nil),
      ("--crps", crps), ("--above", above != nil), ("--below", below != nil), ("--transform", transform != nil),
    ]
    if let name = modes.first ?? others.first(where: \.1)?.0 {
      if name == "--compare" || name == "--decompose" {
        throw ValidationError("\(name) needs every row, and --merge has sums only: run it on the whole table")
      }
      throw ValidationError("--merge takes what the parts hold, so \(name) has no effect")
    }
  }

  private func checkMode(_ mode: String) throws {
    let streams = mode == "--per-row"
    let holds = mode == "--compare" || mode == "--decompose"
    if partial, holds {
      let needy = mode == "--compare" ? "p-values need" : "isotonic regression needs"
      throw ValidationError("\(mode) and --partial exclude each other: \(needy) every row, and parts hold sums only")
    }
    let excluded = [
      ("--by", by != nil && streams), ("--partial", partial && streams), ("--weight", weight != nil && streams),
      ("--fail-if", !failIf.isEmpty && streams), ("--append", append && streams),
      ("--crps", crps && !(streams || mode == "--compare")), ("--above", above != nil && !(streams || mode == "--compare")),
      ("--below", below != nil && !(streams || mode == "--compare")),
    ]
    if let (name, _) = excluded.first(where: \.1) { throw ValidationError("\(mode) and \(name) exclude each other") }
  }

  private func need(_ flag: String, _ isGiven: Bool, for dependents: [(String, Bool)]) throws {
    if !isGiven, let (name, _) = dependents.first(where: \.1) { throw ValidationError("\(name) goes with \(flag)") }
  }

  private func checkRange(_ name: String, _ value: Int?, _ range: ClosedRange<Int>) throws {
    if let value, !range.contains(value) { throw ValidationError("\(name) \(value): \(range.lowerBound) to \(range.upperBound) are possible") }
  }
}
