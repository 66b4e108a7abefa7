import Groundwork
import MethodKit
import Tables

/// One item of `-l` or `--method`: `[NAME=]METHOD[:key=value,…]`.
public struct MethodSpecification: Equatable, Sendable {
  /// What its columns are called; the method's name unless `NAME=` says otherwise.
  public var name: String
  public var method: String
  public var settings: [(key: String, value: String)]

  public init(name: String, method: String, settings: [(key: String, value: String)] = []) {
    self.name = name
    self.method = method
    self.settings = settings
  }

  public static func == (a: Self, b: Self) -> Bool {
    a.name == b.name && a.method == b.method && a.settings.elementsEqual(b.settings, by: ==)
  }

  /// Reads a comma list of items. A piece `key=value` after an item with settings is one more setting of it, unless its
  /// value is a known method, and the item's has no such setting, which makes it `NAME=METHOD`. The name of a set stands for its members that
  /// are not named already.
  public static func parse(
    _ texts: [String], flag: String, known: [MethodDescription], sets: [(name: String, members: [String])] = []
  ) throws -> [MethodSpecification] {
    var items: [MethodSpecification] = []
    let names = known.map(\.name)
    for text in texts {
      var takesSettings = false
      for piece in text.split(separator: ",", omittingEmptySubsequences: false) {
        if let set = sets.first(where: { $0.name == piece }) {
          takesSettings = false
          for member in set.members where !items.contains(where: { $0.name == member }) {
            items.append(MethodSpecification(name: member, method: member))
          }
          continue
        }
        let parts = piece.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let equation = parts[0].split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        func isSetting(_ key: String) -> Bool { known.first { $0.name == items.last!.method }!.settings.contains { $0.name == key } }
        if takesSettings, parts.count == 1, equation.count == 2, !names.contains(equation[1]) || isSetting(equation[0]) {
          items[items.count - 1].settings.append((equation[0], equation[1]))
          continue
        }
        let method = equation.last!
        guard names.contains(method) else {
          throw Failure(.usage, "\(flag) \(text): unknown method \"\(method)\"", remedy: suggestion(for: method, among: names + sets.map(\.name)))
        }
        guard !equation[0].isEmpty else { throw Failure(.usage, "\(flag) \(text): a name is missing before =") }
        items.append(MethodSpecification(name: equation[0], method: method, settings: []))
        takesSettings = parts.count == 2
        if takesSettings {
          let setting = parts[1].split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
          guard setting.count == 2 else { throw Failure(.usage, "\(flag) \(text): settings are written \(method):key=value,key=value") }
          items[items.count - 1].settings.append((setting[0], setting[1]))
        }
      }
    }
    for (i, item) in items.enumerated() where items[..<i].contains(where: { $0.name == item.name }) {
      throw Failure(.usage, "\(flag): \(item.name) stands twice", remedy: "name one of them: \(item.name)2=\(item.method)")
    }
    return items
  }

  /// Reads what `--method` takes: one item.
  public static func parseOne(_ text: String, known: [MethodDescription]) throws -> MethodSpecification {
    let items = try parse([text], flag: "--method", known: known)
    guard items.count == 1 else { throw Failure(.usage, "--method takes one method") }
    return items[0]
  }

  /// As a user would write it.
  public var text: String {
    (name == method ? "" : name + "=") + method + (settings.isEmpty ? "" : ":" + settings.map { "\($0.key)=\($0.value)" }.joined(separator: ","))
  }
}

/// `--help METHOD`: what it is, and its settings with type, range and default.
public func helpText(of method: MethodDescription) -> String {
  var text = "\(method.name): \(method.summary)\n"
  if method.settings.isEmpty { return text + "It has no settings.\n" }
  text += "\nSettings (\(method.name):key=value,…):\n"
  for setting in method.settings {
    let range: String
    switch setting.kind {
    case .integer(let bounds): range = "whole number from \(bounds.lowerBound) to \(bounds.upperBound)"
    case .number(let bounds): range = "number from \(bounds.lowerBound) to \(bounds.upperBound)"
    case .choice(let names): range = names.joined(separator: " or ")
    }
    let search: String
    switch setting.search {
    case nil: search = ""
    case .among(let values)?: search = "; tuned among \(values.joined(separator: ", "))"
    case .logarithmic(let bounds)?: search = "; tuned from \(shortestText(bounds.lowerBound)) to \(shortestText(bounds.upperBound))"
    }
    let trials = setting.inTrials.map { "; \($0) while tuning" } ?? ""
    text += "  \(setting.name)  \(setting.summary) (\(range); default \(setting.defaultText)\(search)\(trials))\n"
  }
  return text
}

/// `--help methods`: a line a method, its name, two blanks and what it is, for programs to read.
package func helpText(of methods: [MethodDescription]) -> String { methods.map { "\($0.name)  \($0.summary)\n" }.joined() }

/// The methods of a registry as a help's discussion lists them: a line each, long ones going on in the next.
public func methodLines(_ methods: [MethodDescription]) -> String { discussionLines(methods.map { ($0.name, $0.summary) }) }

/// Names and what they stand for, as a help's discussion lists them; the discussion itself ends the last line.
public func discussionLines(_ lines: [(name: String, summary: String)]) -> String {
  String(alignedLines(lines.map { [$0.name, $0.summary] }).dropLast())
}

/// What an option's help says of the methods that it takes.
public let methodsAreListed = "known methods are listed above, and --help METHOD tells the settings of one"
