import Groundwork
import MethodKit
import Tables

extension FilterSession {
  /// The names a target has where nobody says it.
  public static let targetNames = ["y", "observed", "observation", "oracle_value", "target"]

  /// The target's column: `-y`, else `QTARGET`, else the first of the usual names. nil where none of the usual ones is there.
  public func targetColumn(_ header: Header, named name: String?) throws -> Int? {
    if let name { return try column(header, name) }
    if let name = environmentVariable("QTARGET") {
      return try column(header, name, namedBy: "QTARGET", remedy: "name the target with -y")
    }
    return FilterSession.targetNames.lazy.compactMap { header.index(of: $0) }.first
  }

  /// The target's column, which the tool cannot do without.
  public func requiredTarget(_ header: Header, named name: String?) throws -> Int {
    if let target = try targetColumn(header, named: name) { return target }
    throw failure(
      "no target: none of the columns is called \(FilterSession.targetNames.joined(separator: ", "))",
      remedy: rowsOfQuantiles(header) ?? "name it with -y")
  }

  /// The law of column roles. Target, weight, `fold`, `held` and quantile columns have that one role and no other: throws where another flag
  /// names one of them. Any other column may be named by several flags; those that flags name are features only where `-x` names them.
  ///
  /// - Parameters:
  ///   - alone: what has a role alone beside `fold`, `held` and the quantiles: ("--target", its column), ….
  ///   - shared: what flags name together: ("--by", its columns), ….
  public func checkRoles(_ header: Header, alone: [(flag: String, column: Int?)], shared: [(flag: String, columns: [Int])] = []) throws {
    var roles = soleRoles(header)
    func refuse(_ flag: String, _ column: Int) throws {
      guard let role = roles[column] else { return }
      throw Failure(.usage, "\(flag) names \"\(header.names[column])\", which is \(role)", remedy: "name another column")
    }
    for (flag, column) in alone {
      guard let column else { continue }
      try refuse(flag, column)
      roles[column] = "named by \(flag)"
    }
    for (flag, columns) in shared { for column in columns { try refuse(flag, column) } }
  }

  /// What the columns are that have one role by their names.
  private func soleRoles(_ header: Header) -> [Int: String] {
    var roles: [Int: String] = [:]
    for name in ["fold", "held"] { if let column = header.index(of: name) { roles[column] = "the \(name)" } }
    let names = header.quantileNames(input: inputName)
    for column in names.columns { roles[column] = "a quantile" }
    for group in names.groups where !group.name.isEmpty { for column in group.columns { roles[column] = "a quantile of \(group.title)" } }
    return roles
  }

  /// The column called `name`, which a variable of the environment names and the input must have.
  func column(_ header: Header, _ name: String, namedBy variable: String, remedy: String) throws -> Int {
    if let column = header.index(of: name) { return column }
    throw failure("there is no column \"\(name)\", which \(variable) in the environment names", remedy: remedy)
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

  /// Every quantile group, or those of `-g`: names and patterns, a `!` before those to leave out. Throws where there is none, and what is wrong with
  /// one of them.
  public func groups(_ header: Header, picked: String?) throws -> [QuantileGroup] {
    let all = header.quantileNames(input: inputName)
    guard let picked else {
      try all.check()
      if all.groups.isEmpty { throw failure("no quantile columns", remedy: otherFormat(header) ?? "they are called q0.5 or MODEL_q0.5") }
      return all.groups
    }
    let names = picked.split(separator: ",", omittingEmptySubsequences: false).map { ColumnName.trimmed(String($0)) }
    try refuseRepetition(names)
    func unknown(_ name: String, _ what: String) -> Failure {
      let remedy = (all.isEmpty ? otherFormat(header) : nil) ?? suggestion(for: name, among: all.groups.map(\.name))
      return failure("no quantile columns of \(what) \"\(name)\"", remedy: remedy)
    }
    // A group may be called like a pattern, and is then meant itself.
    func isName(_ text: String) throws -> Bool { try all.group(text) != nil }
    var (picks, leftOut): ([String], Set<String>) = ([], [])
    var hasPicks = false
    for name in names {
      let isExact = try isName(name)
      if isExact || !name.hasPrefix("!") {
        hasPicks = true
        if isExact || !name.contains("*") { picks.append(name); continue }
        let matches = all.groups.map(\.name).filter { GroupPattern(name).matches($0) }
        if matches.isEmpty { throw unknown(name, "models like") }
        picks += matches
      } else {
        let pattern = GroupPattern(String(name.dropFirst()))
        let matches = all.groups.map(\.name).filter(pattern.matches)
        if matches.isEmpty { throw unknown(pattern.text, pattern.text.contains("*") ? "models like" : "a model") }
        leftOut.formUnion(matches)
      }
    }
    if !hasPicks { picks = all.groups.map(\.name) }
    var seen: Set<String> = []
    let taken = picks.filter { !leftOut.contains($0) && seen.insert($0).inserted }
    if taken.isEmpty { throw failure("no quantile columns are left of those that --groups \(picked) picks", remedy: "leave out fewer") }
    return try taken.map { name in
      guard let group = try all.group(name) else { throw unknown(name, "a model") }
      return group
    }
  }

  /// The features: `-x`, or every column that has no role and no flag names. Checks the roles of all columns, and refuses those that could
  /// be quantiles instead. Where `picksGroups`, what is wrong with other groups is nobody's concern.
  public func featureColumns<Help>(
    _ header: Header, _ options: FeatureOptions<Help>, alone: [(flag: String, column: Int?)], shared: [(flag: String, columns: [Int])] = [],
    picksGroups: Bool = false
  ) throws -> [Int] {
    let named = try options.features.map { try columns(header, nameList($0)) }
    try checkRoles(header, alone: alone, shared: shared + [("--features", named ?? [])])
    if let named { return named }
    var used = Set(alone.compactMap(\.column) + shared.flatMap(\.columns))
    used.formUnion(try columns(header, nameList(options.exclude)))
    try header.quantileNames(input: inputName).check(except: used, guesses: picksGroups)
    used.formUnion(soleRoles(header).keys)
    return (0..<header.count).filter { !used.contains($0) }
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

/// A name in which each `*` stands for any characters, or none.
package struct GroupPattern {
  package let text: String

  package init(_ text: String) { self.text = text }

  package func matches(_ name: String) -> Bool {
    let parts = text.utf8.split(separator: UInt8(ascii: "*"), omittingEmptySubsequences: false).map { Array($0) }
    var rest = Array(name.utf8)[...]
    guard rest.starts(with: parts[0]) else { return false }
    if parts.count == 1 { return rest.count == parts[0].count }
    rest = rest.dropFirst(parts[0].count)
    for part in parts[1..<parts.count - 1] {
      guard let place = rest.indices.first(where: { rest[$0...].starts(with: part) }) else {
        if part.isEmpty { continue }
        return false
      }
      rest = rest[(place + part.count)...]
    }
    let last = parts[parts.count - 1]
    return rest.count >= last.count && rest.suffix(last.count).elementsEqual(last)
  }
}
