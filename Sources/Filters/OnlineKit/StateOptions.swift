import ArgumentParser
import FilterKit

/// `--state`, `--id` and `--keep-open`: what an online run keeps for the next. `Help` says which columns tell rows apart where `--id` does not.
package struct StateOptions<Help: OptionHelp>: ParsableArguments, FlagGroup {
  @Option(
    help: ArgumentHelp(
      """
      With an online method, go on from what this file holds, and replace it at the end by what was learnt. A run \
      waits for another that uses the file. With --order or --id, rows without a target are kept: one that comes again with its target is \
      written with its first answer, and teaches by that, once.
      """,
      valueName: "file"), completion: .file())
  package var state: String?

  @Option(
    help: ArgumentHelp(
      "With --state, the columns that tell answered rows apart until their targets come (default: \(Help.text)).", valueName: "columns"))
  package var id: String?

  @Option(
    help: ArgumentHelp(
      "With --state, how many rows without a target are kept; the oldest is dropped for one more (default: 1000000).", valueName: "n"))
  package var keepOpen: Int?

  package init() {}
  package static var list: FlagList<Self> {
    FlagList([("--state", { $0.state != nil }), ("--id", { $0.id != nil }), ("--keep-open", { $0.keepOpen != nil })])
  }

  package func validate() throws {
    if state == nil, let flag = [id.map { _ in "--id" }, keepOpen.map { _ in "--keep-open" }].compactMap({ $0 }).first {
      throw ValidationError("\(flag) needs --state, which keeps rows until their targets come")
    }
    if id.map({ nameList($0).isEmpty }) == true { throw ValidationError("--id names no column") }
    if let keepOpen, keepOpen < 1 { throw ValidationError("--keep-open \(keepOpen): at least 1") }
  }

  /// How many open rows are kept.
  package var keepLimit: Int { keepOpen ?? 1_000_000 }

  /// Opens the file of `--state`, if one is named, waits until no other run has it, and reads what it holds: nil the first time. The caller closes
  /// it. Under `--explain` it is left alone.
  package func open<Saved>(
    _ table: TableOptions, tool: String, read: (ModelFile, _ path: String) throws -> Saved
  ) throws -> (file: StateFile?, saved: Saved?) {
    guard !table.explain, let state else { return (nil, nil) }
    try table.checkWritten("--state", state)
    let file = try StateFile.open(state, tool: tool, diagnostics: Diagnostics(tool: tool, quiet: table.quiet, verbose: table.verbose))
    do {
      return (file, try file.naming { try file.read().map { try read($0, file.path) } })
    } catch {
      file.close()
      throw error
    }
  }
}
