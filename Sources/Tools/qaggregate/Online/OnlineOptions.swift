import ArgumentParser
import FilterKit
import OnlineKit

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

  @OptionGroup var keeping: StateOptions<IdentifyingColumnsHelp>

  static let list = FlagList<OnlineOptions>([("--by", { $0.by != nil }), ("--within", { $0.within != nil })])
  static let names = list.names.union(StateOptions<IdentifyingColumnsHelp>.list.names)
  /// With those of the state.
  var flags: [GivenFlag] { OnlineOptions.list.of(self) + keeping.flags }

  /// Each subset of more columns would be a family of groups.
  static let mostWithin = 3

  func validate() throws {
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

enum IdentifyingColumnsHelp: OptionHelp {
  static let text = "those of --by, --within, --order and --known"
}
