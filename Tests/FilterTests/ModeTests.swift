import Foundation
import Testing

/// The modes and flags of a tool, as `--help modes` lists them.
struct ModeList {
  struct Mode {
    let name: String
    /// That choose it; none for the mode that no flag chooses.
    let arguments: [String]
  }

  let modes: [Mode]
  /// Names of the modes that take each flag.
  let takers: [String: Set<String>]

  init(_ tool: String) throws {
    let text = try Shell.run("\(tool) --help modes").text
    let sections = text.components(separatedBy: "\n\n")
    try #require(sections.count == 2)
    // Text that goes on from the line above is indented further.
    func items(_ section: String) -> [[String]] {
      var items: [[String]] = []
      for line in section.split(separator: "\n").dropFirst() {
        let cells = line.components(separatedBy: "  ").map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty }
        if line.hasPrefix("   ") { items[items.count - 1][items.last!.count - 1] += " " + cells.joined(separator: " ") } else { items.append(cells) }
      }
      return items
    }
    modes = items(sections[0]).map { Mode(name: $0[0], arguments: $0[1] == "(no flag)" ? [] : $0[1].split(separator: " ").map(String.init)) }
    let names = Set(modes.map(\.name))
    takers = Dictionary(
      uniqueKeysWithValues: items(sections[1]).map { cells in
        let list = cells.dropFirst().joined(separator: " ")
        let named = Set(list.replacingOccurrences(of: "all but ", with: "").components(separatedBy: ", "))
        return (cells[0], list == "every mode" ? names : list == "no mode" ? [] : list.hasPrefix("all but ") ? names.subtracting(named) : named)
      })
  }
}

/// Every mode of every tool, with every flag: each flag is taken, or refused by name.
@Suite struct ModeTests {
  /// A value that each option takes. Values of files are of files that may be written.
  private static let values = [
    "--above": "1", "--as": "mix", "--below": "9", "--bins": "5", "--blocks": "place", "--bootstrap": "9", "--bounds": "0,9", "--by": "place",
    "--categorical": "x", "--date": "x", "--decimal": ",",
    "--columns": "y,place", "--decay": "0.9", "--delimiter": ",", "--digits": "2", "--drop": "place",
    "--exclude": "place", "--fail-if": "'wis > 100'",
    "--features": "x", "--folds": "3", "--id": "place", "--keep-open": "9", "--known": "day", "--lag": "2d", "--refit": "block", "--window": "30d",
    "--time-format": "%Y", "--format": "svg", "--from": "hub", "--given": "x", "--group": "place", "--groups": "a", "--horizon": "2",
    "--input": "csv", "--intervals": "50", "--isotonic": "pava", "--learner": "linear", "--level-style": "underscore", "--levels": "0.1,0.5,0.9",
    "--load": "absent.model", "--memory": "10M", "--margin": "fixed:0.1", "--min-rows": "3", "--models": "a", "--na": "none",
    "--noncrossing": "penalty", "--numeric": "x",
    "--on": "place", "--on-error": "skip", "--one-sided": "upper", "--order": "day",
    "--out": "picture.svg", "--output": "csv", "--panels": "2", "--part-id": "monday", "--permutations": "9", "--rejects": "rejects.csv",
    "--rest": "rest.csv",
    "--rows": "5", "--save": "new.model", "--score": "wis", "--seed": "2", "--state": "series.state", "--stats": "stats.json", "--target": "y",
    "--threads": "1", "--time": "1", "--title": "picture", "--to": "hub", "--transform": "log_shift:1", "--truth": "truth.csv", "--tune": "2",
    "--weight": "w", "--within": "place",
  ]

  /// What else must be given, where the mode takes it too.
  private static let company = [
    "--append": "--transform", "--columns": "--no-header", "--no-header": "--columns", "--compact": "--partial", "--horizon": "--order",
    "--margin": "--noncrossing", "--part-id": "--partial", "--min-rows": "--by", "--on": "--truth",
    "--rejects": "--on-error",
    "--truth": "--on", "--id": "--state", "--keep-open": "--state", "--known": "--order", "--lag": "--order", "--refit": "--order",
    "--window": "--order", "--folds": "--order",
  ]

  /// A method that goes with a flag.
  private static let methods = [
    "--given": "conditional", "--decay": "weighted", "--levels": "residual", "--tune": "local-coarse", "--time": "local-coarse",
  ]

  @Test(arguments: DocumentationTests.tools)
  func theListHoldsTheFlagsOfTheParser(_ tool: String) throws {
    let list = try ModeList(tool)
    let parsed = Set(try DocumentationTests.longOptions(tool)).subtracting(["help", "version"]).map { "--" + $0 }
    #expect(Set(list.takers.keys) == Set(parsed))
    #expect(!list.modes.isEmpty && Set(list.modes.map(\.name)).count == list.modes.count)
    for (flag, takers) in list.takers { #expect(!takers.isEmpty && takers.isSubset(of: list.modes.map(\.name)), "\(flag)") }
  }

  /// Refused with status 64 and a message that names it exactly where the list says so.
  @Test(arguments: DocumentationTests.tools)
  func everyFlagIsTakenOrRefused(_ tool: String) throws {
    let list = try ModeList(tool)
    let options = try Self.options(tool)
    let choosing = Set(list.modes.flatMap { $0.arguments.filter { $0.hasPrefix("--") } })
    var runs: [(mode: ModeList.Mode, flag: String, command: String)] = []
    for mode in list.modes {
      for flag in list.takers.keys.sorted() where !mode.arguments.contains(flag) {
        // Some flags choose another mode, which takes what chooses this one.
        let isAnother = list.modes.contains { other in
          other.arguments.contains(flag) && mode.arguments.allSatisfy { !$0.hasPrefix("--") || list.takers[$0]!.contains(other.name) }
        }
        if isAnother { continue }
        var words = mode.arguments.map { $0 == $0.uppercased() && !$0.hasPrefix("-") ? "absent.file" : $0 } + [flag]
        if options.contains(flag) { words.append(try #require(Self.values[flag] ?? Self.method(flag, tool), "no value of \(flag)")) }
        let company =
          flag == "--time-format" ? ["--truth", "--order", "--date"].first { list.takers[$0]?.contains(mode.name) == true } : Self.company[flag]
        if let other = company, list.takers[other]?.contains(mode.name) == true, !mode.arguments.contains(other) {
          words += [other] + (options.contains(other) ? [try #require(Self.values[other])] : [])
        }
        if company == "--truth", flag != "--on" { words += ["--on", "place"] }
        if let method = Self.methods[flag], list.takers["--method"]?.contains(mode.name) == true, !mode.arguments.contains("--method") {
          words += ["--method", method]
        }
        runs.append((mode, flag, "\(tool) \(words.joined(separator: " "))"))
      }
    }
    let script = runs.map { "{ \($0.command) < /dev/null 2>&1 > /dev/null; echo \"status $?\"; } | tr '\\n' ' '; echo" }.joined(separator: "\n")
    let results = try Shell.run(script).text.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init)
    try #require(results.count == runs.count)
    for (run, result) in zip(runs, results) {
      let isTaken = try #require(list.takers[run.flag]).contains(run.mode.name)
      // A flag that chooses a mode may refuse what chooses this one.
      let named = choosing.contains(run.flag) ? [run.flag] + run.mode.arguments.filter { $0.hasPrefix("--") } : [run.flag]
      let isRefused = result.hasSuffix("status 64 ") && named.contains { Self.names(result, $0) }
      #expect(isRefused != isTaken, "\(run.command): \(result)")
    }
  }

  /// Whether a message names a flag, and not only one whose name begins alike.
  private static func names(_ message: String, _ flag: String) -> Bool {
    message.components(separatedBy: flag).dropFirst().contains { $0.first.map { !($0.isLetter || $0 == "-") } ?? true }
  }

  /// A method that is not the default.
  private static func method(_ flag: String, _ tool: String) -> String? {
    guard flag == "--method" else { return nil }
    return ["qaggregate": "average", "qsort": "pava", "qconformal": "cqr-r"][tool]
  }

  /// The flags that take a value.
  private static func options(_ tool: String) throws -> Set<String> {
    let dump = try Shell.run("\(tool) --experimental-dump-help")
    let object = try #require(try JSONSerialization.jsonObject(with: Data(dump.output)) as? [String: Any])
    let command = try #require(object["command"] as? [String: Any])
    let arguments = try #require(command["arguments"] as? [[String: Any]])
    return Set(
      arguments.filter { $0["kind"] as? String == "option" && $0["isOptional"] != nil }.flatMap { argument in
        (argument["names"] as? [[String: String]] ?? []).filter { $0["kind"] == "long" }.compactMap { $0["name"].map { "--" + $0 } }
      }.filter { $0 != "--compare" })
  }
}
