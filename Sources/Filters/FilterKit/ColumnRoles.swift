import Glibc
import Groundwork
import MethodKit
import Tables

extension FilterSession {
  /// The names a target has where nobody says it.
  public static let targetNames = ["y", "observed", "observation", "oracle_value", "target"]

  /// The target's column: `-y`, else `QTARGET`, else the first of the usual names. nil where none of the usual ones is there.
  public func targetColumn(_ header: Header, named name: String?) throws -> Int? {
    if let name { return try column(header, name) }
    if let name = getenv("QTARGET").map({ String(cString: $0) }), !name.isEmpty {
      if let column = header.index(of: name) { return column }
      throw failure("there is no column \"\(name)\", which QTARGET in the environment names", remedy: "name the target with -y")
    }
    return FilterSession.targetNames.lazy.compactMap { header.index(of: $0) }.first
  }

  /// The target's column, which the tool cannot do without.
  public func requiredTarget(_ header: Header, named name: String?) throws -> Int {
    if let target = try targetColumn(header, named: name) { return target }
    throw failure("no target: none of the columns is called \(FilterSession.targetNames.joined(separator: ", "))", remedy: "name it with -y")
  }

  /// Refuses a column that two flags name, or one and the table itself, for roles that one column cannot have together.
  public func refuseTwoRoles(_ header: Header, _ roles: [(name: String, column: Int?)], quantiles: [QuantileGroup]) throws {
    var known: [Int: String] = [:]
    for group in quantiles { for column in group.columns { known[column] = group.name.isEmpty ? "a quantile" : "a quantile of \(group.title)" } }
    for (name, column) in roles {
      guard let column else { continue }
      if let other = known[column] {
        throw Failure(.usage, "\(name) names \"\(header.names[column])\", which is \(other)", remedy: "name another column")
      }
      known[column] = name.hasPrefix("--") ? "named by \(name)" : "the \(name)"
    }
  }

  /// The column called `name`, which the input must have.
  public func column(_ header: Header, _ name: String) throws -> Int {
    if let column = header.index(of: name) { return column }
    let near = suggestion(for: name, among: header.names)
    throw failure(
      "there is no column \"\(name)\"", remedy: !near.hasPrefix("did you") && header.count > 12 ? "the header has \(header.count) others" : near)
  }

  public func columns(_ header: Header, _ names: [String]) throws -> [Int] {
    try refuseRepetition(names)
    return try names.map { try column(header, $0) }
  }

  private func refuseRepetition(_ names: [String]) throws {
    var seen: Set<String> = []
    for name in names where !seen.insert(name).inserted { throw Failure(.usage, "\"\(name)\" is named twice in \(names.joined(separator: ","))") }
  }

  /// Every quantile group, or those of `-g`. Throws where there is none.
  public func groups(_ header: Header, picked: String?) throws -> [QuantileGroup] {
    let all = try header.quantileGroups(input: inputName)
    guard let picked else {
      if all.isEmpty { throw failure("no quantile columns", remedy: "they are called q0.5 or MODEL_q0.5") }
      return all
    }
    let names = picked.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    try refuseRepetition(names)
    return try names.map { name in
      guard let group = all.first(where: { $0.name == name }) else {
        throw failure("no quantile columns of a model \"\(name)\"", remedy: suggestion(for: name, among: all.map(\.name)))
      }
      return group
    }
  }

  /// The features: `-x`, or every column with no other role.
  public func featureColumns(_ header: Header, named names: String?, excluding excluded: String?, used: Set<Int>) throws -> [Int] {
    if let names {
      let columns = try columns(header, nameList(names))
      for column in columns where used.contains(column) {
        throw Failure(.usage, "-x names \"\(header.names[column])\", which has another role")
      }
      return columns
    }
    let quantileColumns = try header.quantileGroups(input: inputName).flatMap(\.columns)
    let out = used.union(quantileColumns).union(try columns(header, nameList(excluded)))
    return (0..<header.count).filter { !out.contains($0) }
  }

  /// How `--explain` shows quantile groups.
  public func explanation(of groups: [QuantileGroup]) -> [(String, String)] {
    groups.map { group in
      let ends =
        group.levels.count > 6
        ? [group.levels[0], group.levels[1]].map(levelText).joined(separator: " ") + " … " + levelText(group.levels.last!)
        : group.levels.map(levelText).joined(separator: " ")
      return ("group", "\(group.name.isEmpty ? "(no name)" : group.name): \(counted(group.levels.count, "level")), \(ends)")
    }
  }
}
