import ArgumentParser
import Groundwork
import MethodKit
import Tables

/// `--categorical`, `--numeric` and `--date`: what features hold, where the table does not tell it as it is meant.
public struct FeatureKindOptions: ParsableArguments, FlagGroup {
  @Option(
    help: ArgumentHelp(
      "Features that hold categories though they look like numbers, as codes of places do, separated by commas.", valueName: "names"))
  public var categorical: String?

  @Option(
    help: ArgumentHelp(
      "Features that hold numbers, even with a zero in front or among other text; a field that is none is a bad row.", valueName: "names"))
  public var numeric: String?

  @Option(
    help: ArgumentHelp(
      """
      Features that hold dates, taken as days since 1970, month, day of the week (Monday is 1) and day of the year; \
      without it a date is no feature.
      """,
      valueName: "names"))
  public var date: String?

  public init() {}
  public static let list = FlagList<FeatureKindOptions>([
    ("--categorical", { $0.categorical != nil }), ("--numeric", { $0.numeric != nil }), ("--date", { $0.date != nil }),
  ])
  public static var names: Set<String> { list.names }

  fileprivate var lists: [(flag: String, names: [String], kind: StoredTable.DeclaredKind)] {
    [("--categorical", nameList(categorical), .categorical), ("--numeric", nameList(numeric), .numeric), ("--date", nameList(date), .date(nil))]
  }

  public func validate() throws {
    var flagOfName: [String: String] = [:]
    for (flag, names, _) in lists {
      for name in names {
        if let other = flagOfName.updateValue(flag, forKey: name) {
          throw ValidationError(other == flag ? "\(flag) names \"\(name)\" twice" : "\(other) and \(flag) both name \"\(name)\"")
        }
      }
    }
  }
}

extension TimeOption {
  /// Throws where nothing is a date whose form it could tell.
  public func checkUse(_ kinds: FeatureKindOptions) throws {
    if timeFormat != nil, kinds.date == nil { throw ValidationError("--time-format tells how dates are written, and --date names no feature") }
  }
}

/// What is declared of a table's features.
public struct FeatureKinds {
  private var kinds: [Int: StoredTable.DeclaredKind] = [:]
  /// Names of the columns of dates.
  public private(set) var dates: [DateColumn] = []

  /// Nothing is declared.
  public init() {}

  /// How a table stores a feature.
  public func role(_ column: Int) -> StoredTable.Role { .feature(kinds[column] ?? .undeclared) }

  /// Throws a usage failure for a name that is no feature, and for a date whose parts would have the name of another feature.
  /// `format` tells how dates are written.
  public init(_ options: FeatureKindOptions, _ header: Header, features: [Int], format: TimeFormat?) throws {
    let names = features.map { header.names[$0] }
    for (flag, listed, kind) in options.lists {
      for name in listed {
        guard let column = header.index(of: name), features.contains(column) else {
          throw Failure(.usage, "\(flag) names \"\(name)\", which is no feature", remedy: suggestion(for: name, among: names))
        }
        kinds[column] = kind
        if case .date = kind {
          kinds[column] = .date(format)
          dates.append(DateColumn(name: name, format: format))
        }
      }
    }
    for part in dates.flatMap({ date in DatePart.allCases.map { $0.name(of: date.name) } }) where names.contains(part) {
      throw Failure(.usage, "--date makes a feature \"\(part)\", and the table has a column of this name", remedy: "rename it, or --exclude it")
    }
  }
}

/// What a table says of its features, in words.
struct FeatureRemarks {
  let table: StoredTable
  let columns: [Int]

  /// As a flag takes them: all, or the first of many.
  private func names(_ columns: [Int]) -> String {
    columns.prefix(8).map { table.header.names[$0] }.joined(separator: ",") + (columns.count > 8 ? ",..." : "")
  }
  private func quoted(_ column: Int) -> String { "\"\(printable(table.header.names[column]))\"" }
  /// The first few.
  private func shown(_ columns: [Int]) -> String {
    columns.prefix(3).map(quoted).joined(separator: ", ") + (columns.count > 3 ? " and \(columns.count - 3) more" : "")
  }

  private var undeclared: [Int] { columns.filter { !table.isDeclared($0) } }
  var categorical: [Int] { columns.filter { table.kind($0) == .categorical } }
  /// Dates that are no features.
  var leftOut: [Int] { undeclared.filter { table.kind($0) == .date } }

  /// That columns of dates are no features.
  var ofDates: String? {
    let dates = leftOut
    guard let first = dates.first else { return nil }
    let unread = dates.lazy.compactMap { table.evidence($0)?.unreadDate }.first
    let form = unread.map { ", with --time-format where they are written as \(printable($0))" } ?? ""
    return "\(shown(dates)) \(dates.count == 1 ? "holds dates and is no feature" : "hold dates and are no features"); "
      + "--date \(dates.count == 1 ? table.header.names[first] : names(dates)) makes features of \(dates.count == 1 ? "it" : "them")\(form)"
  }

  /// Categories because of a zero in front, in one line.
  var ofPadding: String? {
    let padded = undeclared.filter { table.kind($0) == .categorical && table.evidence($0)?.padded != nil }
    guard let first = padded.first, let example = table.evidence(first)?.padded else { return nil }
    let isOne = padded.count == 1
    return
      """
      \(shown(padded)) \(isOne ? "is" : "are") categorical, as \"\(printable(example))\" has a zero before a digit; \
      --categorical \(names(padded)) says that it is meant, --numeric takes \(isOne ? "it" : "them") as numbers
      """
  }

  /// Categories among which there are numbers, the column in which they are most first.
  var ofMixture: String? {
    let mixed = mostlyNumbers
    guard let column = mixed.first, let evidence = table.evidence(column), let stray = evidence.text else { return nil }
    let others = mixed.count == 1 ? "" : ", and likewise \(shown(Array(mixed.dropFirst())))"
    return "\(stray.place)\"\(printable(stray.text))\" is not a number, so the feature holds categories, though \(evidence.numbers) of its "
      + "\(evidence.numbers + evidence.texts) fields are numbers\(others); --numeric \(names(mixed)) takes the others as bad rows, "
      + "--categorical \(names(mixed)) says that it is meant"
  }

  private var mostlyNumbers: [Int] {
    undeclared.filter { column in
      guard table.kind(column) == .categorical, let evidence = table.evidence(column), evidence.padded == nil else { return false }
      return evidence.numbers > evidence.texts
    }
  }

  /// Words that make the others categories.
  var ofWords: [String] {
    let mixed = mostlyNumbers
    return undeclared.compactMap { column in
      guard table.kind(column) == .categorical, !mixed.contains(column), let evidence = table.evidence(column), evidence.padded == nil,
        let text = evidence.text
      else { return nil }
      return "\(text.place)\"\(printable(text.text))\" is not a number, so the feature holds categories"
    }
  }

  /// Numbers that may be codes: whole ones under a name such as store_id, or of few values. One line each.
  func ofCodes() -> [String] {
    let whole = undeclared.filter { table.kind($0) == .numeric }.map { ($0, CodeLikeness(table.numbers($0))) }.filter { $0.1.isWhole }
    let named = whole.filter { CodeLikeness.isCode(table.header.names[$0.0]) }.map(\.0)
    let repeated = whole.filter { $0.1.repeats && !named.contains($0.0) }.map(\.0)
    func line(_ columns: [Int], _ why: (_ isOne: Bool) -> String) -> String? {
      if columns.isEmpty { return nil }
      let isOne = columns.count == 1
      return
        """
        \(shown(columns)) \(isOne ? "is" : "are") numeric, \(why(isOne)); \
        --categorical \(names(columns)) takes \(isOne ? "it" : "them") as categories
        """
    }
    return [
      line(named) { $0 ? "and its name is that of a code" : "and their names are those of codes" },
      line(repeated) { $0 ? "and has few whole numbers, each many times" : "and have few whole numbers, each many times" },
    ].compactMap { $0 }
  }
}

/// Whether numbers may be codes of things.
package struct CodeLikeness {
  /// There are three different ones or more, all whole.
  let isWhole: Bool
  /// There are at most 200 different ones, and ten or more of each on average.
  let repeats: Bool

  init(_ values: [Double]) {
    var different: Set<Double> = []
    var count = 0
    for value in values where !value.isNaN {
      guard value == value.rounded() else {
        (isWhole, repeats) = (false, false)
        return
      }
      count += 1
      if different.count <= 200 { different.insert(value) }
    }
    isWhole = different.count > 2
    repeats = different.count > 2 && different.count <= 200 && count >= 10 * different.count
  }

  private static let codes: Set<String> = [
    "id", "ids", "code", "codes", "zip", "zipcode", "postcode", "postal", "plz", "store", "shop", "fips", "sku", "key", "uid", "uuid", "isbn", "ean",
    "gtin", "upc", "account", "customer", "product", "article", "item", "station", "device", "sensor", "user", "client", "vendor", "supplier", "dept",
    "department", "region", "district", "county", "msa", "naics", "sic", "iso",
  ]
  /// Words that say how many or how much.
  private static let amounts: Set<String> = [
    "count", "counts", "number", "sales", "size", "amount", "price", "qty", "quantity", "total", "rate", "age", "sum", "mean", "avg", "share", "area",
    "n",
  ]

  /// Whether the last word of a name is that of an identifier, as in store_id, PriceCode and userid, or another is and none is that of an amount.
  package static func isCode(_ name: String) -> Bool {
    var words: [String] = [""]
    var previous: Character = " "
    for character in name {
      if !character.isLetter {
        words.append("")
      } else if character.isUppercase, previous.isLowercase {
        words.append(character.lowercased())
      } else {
        words[words.count - 1] += character.lowercased()
      }
      previous = character
    }
    func isCodeWord(_ word: String) -> Bool {
      if codes.contains(word) { return true }
      return ["id", "code", "key"].contains { word.hasSuffix($0) && codes.contains(String(word.dropLast($0.count))) }
    }
    if let last = words.last(where: { !$0.isEmpty }), isCodeWord(last) { return true }
    return words.contains(where: isCodeWord) && !words.contains(where: amounts.contains)
  }
}

extension FilterSession {
  /// Says what the features hold where that is not as it may be meant. Before the table forgets its numbers.
  public func tellFeatureKinds(_ table: StoredTable, _ columns: [Int]) {
    let remarks = FeatureRemarks(table: table, columns: columns)
    if let dates = remarks.ofDates { diagnostics.warn(dates) }
    if let mixture = remarks.ofMixture { diagnostics.warn(mixture) }
    if let padding = remarks.ofPadding { diagnostics.warn(padding) }
    guard options.verbose else { return }
    for text in remarks.ofWords + remarks.ofCodes() { diagnostics.note(text) }
  }

  /// The same for `--explain`, with the names of the categorical features and of the dates that are none.
  public func explanation(ofFeatures columns: [Int], _ table: StoredTable) -> [(String, String)] {
    let remarks = FeatureRemarks(table: table, columns: columns)
    func line(_ key: String, _ columns: [Int]) -> [(String, String)] {
      columns.isEmpty ? [] : [(key, columns.map { table.header.names[$0] }.joined(separator: " "))]
    }
    return line("categorical", remarks.categorical) + line("left out", remarks.leftOut)
      + ([remarks.ofDates, remarks.ofMixture, remarks.ofPadding].compactMap { $0 } + remarks.ofCodes()).map { ("note", $0) }
  }
}
