import ArgumentParser
import FilterKit
import Groundwork

/// What methods that learn row after row take beside the order of rows.
struct OnlineOptions: ParsableArguments, FlagGroup {
  @Option(help: ArgumentHelp("With an online method, learn from each group of rows that agree in these columns on its own.", valueName: "columns"))
  var by: String?

  @Option(
    help: ArgumentHelp(
      """
      With an online method, learn in groups of rows too: all rows, those that agree in one of these columns, in two, and in all, at most three \
      columns. Narrow groups begin with what wide ones taught.
      """,
      valueName: "columns"))
  var within: String?

  @Option(
    help: ArgumentHelp(
      """
      With an online method, go on from what this file holds, and replace it at the end by what was learnt. A run \
      waits for another that uses the file. With --order or --id, rows without a target are kept: one that comes again with its target is \
      written with its first answer, and teaches by that, once.
      """,
      valueName: "file"), completion: .file())
  var state: String?

  @Option(
    help: ArgumentHelp(
      "With --state, the columns that tell answered rows apart until their targets come (default: those of --by, --within, --order and --known).",
      valueName: "columns"))
  var id: String?

  @Option(
    help: ArgumentHelp(
      "With --state, how many rows without a target are kept; the oldest is dropped for one more (default: 1000000).", valueName: "n"))
  var keepOpen: Int?

  static let list = FlagList<OnlineOptions>([
    ("--by", { $0.by != nil }), ("--within", { $0.within != nil }), ("--state", { $0.state != nil }), ("--id", { $0.id != nil }),
    ("--keep-open", { $0.keepOpen != nil }),
  ])

  /// Each subset of more columns would be a family of groups.
  static let mostWithin = 3

  var keepLimit: Int { keepOpen ?? 1_000_000 }

  func validate() throws {
    if state == nil, let flag = [id.map { _ in "--id" }, keepOpen.map { _ in "--keep-open" }].compactMap({ $0 }).first {
      throw ValidationError("\(flag) needs --state, which keeps rows until their targets come")
    }
    if id.map({ nameList($0).isEmpty }) == true { throw ValidationError("--id names no column") }
    if let keepOpen, keepOpen < 1 { throw ValidationError("--keep-open \(keepOpen): at least 1") }
    guard let within else { return }
    let names = nameList(within)
    if names.isEmpty { throw ValidationError("--within names no column") }
    if names.count > OnlineOptions.mostWithin {
      throw ValidationError("--within names \(names.count) columns, and every subset of them makes groups; name at most \(OnlineOptions.mostWithin)")
    }
    if let both = names.first(where: nameList(by).contains) {
      throw ValidationError("--within names \"\(both)\", by which --by separates rows already")
    }
  }
}
