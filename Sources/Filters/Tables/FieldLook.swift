import Groundwork

/// What a feature's field that is no number looks like.
enum FieldLook: Equatable {
  /// A word that people and programs write for missing, and that is none here.
  case missing
  /// A date that `Moment` reads.
  case date
  /// A date that it does not read, such as 12/31/2024 and 31-Dec-2024.
  case otherDate
  /// A number in another notation.
  case oddNumber
  case text

  init(_ text: String) {
    let bytes = text.utf8.count
    if bytes <= 10, MissingText.isUsual(text) {
      self = .missing
    } else if bytes > 64 || !text.utf8.contains(where: { $0 &- 48 < 10 || $0 > 127 }) {
      self = .text
    } else if text.utf8.first.map({ $0 &- 48 < 10 }) == true, Moment.seconds(text) != nil {
      self = .date
    } else if FieldLook.isOtherDate(text) {
      self = .otherDate
    } else {
      self = OddNumber(text) == nil ? .text : .oddNumber
    }
  }

  private static let months: Set<String> = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]

  /// Three parts, of which one is a year of two or four digits and the others a day and a month, or the English name of one; a time of day
  /// may follow.
  static func isOtherDate(_ text: String) -> Bool {
    var parts: [Substring] = []
    for part in text.split(whereSeparator: { "/.-, T".contains($0) && $0 != "T" }) {
      if part.contains(":") { break }
      parts.append(part)
    }
    // 31/12/2024T10:00 has its clock behind a letter.
    if let last = parts.last, let clock = last.firstIndex(of: "T"), last.first?.isNumber == true { parts[parts.count - 1] = last[..<clock] }
    guard parts.count == 3 else { return false }
    if let name = parts.firstIndex(where: { $0.first?.isLetter == true }) {
      guard name < 2, months.contains(parts[name].prefix(3).lowercased()), parts[name].allSatisfy(\.isLetter) else { return false }
      parts.remove(at: name)
      return parts.allSatisfy { Int($0) != nil } && parts.contains { (1...31).contains(Int($0)!) }
        && parts.contains { $0.count == 4 || $0.count == 2 }
    }
    guard parts.allSatisfy({ (1...2).contains($0.count) || $0.count == 4 }), parts.filter({ $0.count == 4 }).count < 2 else { return false }
    let numbers = parts.compactMap { Int($0) }
    guard numbers.count == 3, parts[0].count == 4 || parts[2].count >= 2, parts[1].count < 3 else { return false }
    let (a, b) = parts[0].count == 4 ? (numbers[1], numbers[2]) : (numbers[0], numbers[1])
    return (1...31).contains(a) && (1...31).contains(b) && min(a, b) <= 12
  }
}

/// What the fields of a feature column look like, counted over a table or a part of it.
struct FeatureFields {
  /// A field, and the number of its row in what is counted.
  struct Example {
    var text: String
    var row: Int
    var place = Failure.Place()
  }

  /// Finite numbers and infinite ones; the finite ones of a whole table are counted at its end.
  var numbers = 0
  var infinite = 0
  var texts = 0
  private(set) var looks: [FieldLook: Int] = [:]
  private(set) var firstOfLook: [FieldLook: Example] = [:]
  /// The first of `texts`, the first infinite one, and the first number with a zero before a digit.
  var firstText: Example?
  var firstInfinite: Example?
  var firstPadded: Example?

  var isEmpty: Bool { infinite == 0 && texts == 0 && firstPadded == nil }

  mutating func add(_ text: String, _ look: FieldLook, row: Int) {
    texts += 1
    looks[look, default: 0] += 1
    if firstText == nil { firstText = Example(text: text, row: row) }
    if firstOfLook[look] == nil { firstOfLook[look] = Example(text: text, row: row) }
  }

  /// Adds what was counted behind; `place` tells where a row of it stands, and its number in the whole.
  mutating func add(_ next: FeatureFields, place: (Int) -> (row: Int, place: Failure.Place)) {
    func placed(_ example: Example?) -> Example? {
      example.map {
        let (row, place) = place($0.row)
        return Example(text: $0.text, row: row, place: place)
      }
    }
    infinite += next.infinite
    texts += next.texts
    looks.merge(next.looks, uniquingKeysWith: +)
    for (look, example) in next.firstOfLook where firstOfLook[look] == nil { firstOfLook[look] = placed(example) }
    if firstText == nil { firstText = placed(next.firstText) }
    if firstInfinite == nil { firstInfinite = placed(next.firstInfinite) }
    if firstPadded == nil { firstPadded = placed(next.firstPadded) }
  }

  func count(_ look: FieldLook) -> Int { looks[look] ?? 0 }

  /// What the column holds. Fields that stand for missing tell nothing.
  ///
  /// A zero before a digit makes it categorical; else it is numeric where 95 % are numbers, no feature where 95 % are dates, and categorical
  /// otherwise. nil where it holds numbers in another notation: they are half, or 95 % with the numbers.
  var kind: StoredTable.FeatureKind? {
    if firstPadded != nil { return .categorical }
    if texts == 0 { return .numeric }
    let certain = numbers + infinite
    let told = certain + texts - count(.missing)
    func isMost(_ count: Int) -> Bool { count > 0 && 20 * count >= 19 * told }
    if isMost(certain) { return .numeric }
    if isMost(count(.date) + count(.otherDate)) { return .date }
    let odd = count(.oddNumber)
    if odd > 0, isMost(odd + certain) || 2 * odd >= told { return nil }
    return .categorical
  }
}
