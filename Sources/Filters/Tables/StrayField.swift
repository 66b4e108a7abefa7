import Groundwork

/// Failures for fields of feature columns that are not what the column holds.
enum StrayField {
  /// The column is one of numbers in another notation.
  static func otherNotation(_ fields: FeatureFields, column: String) -> Failure {
    let example = fields.firstOfLook[.oddNumber]!
    let odd = OddNumber(example.text)!
    let count = fields.count(.oddNumber)
    let others = count == 1 ? "" : ", one of \(count) such fields"
    return Failure(
      .badData, "\"\(printable(example.text))\" is not a plain number: it \(odd.what)\(others)", at: example.place,
      remedy: "\(odd.remedy); --categorical \(column) if they are categories")
  }

  /// The first field of a column of numbers that is none, or infinite.
  static func first(_ fields: FeatureFields, column: String) -> (row: Int, failure: Failure) {
    guard let stray = fields.firstText, stray.row <= fields.firstInfinite?.row ?? .max else {
      let example = fields.firstInfinite!
      return (example.row, infinite(example.text, at: example.place))
    }
    let numbers = fields.numbers + fields.infinite
    let share = "as \(numbers) of \(numbers + fields.texts) fields are"
    let categorical = "--categorical \(column) if the column holds categories"
    let text = printable(stray.text)
    if let odd = OddNumber(stray.text) {
      return (
        stray.row,
        Failure(
          .badData, "\"\(text)\" is not a plain number, \(share): it \(odd.what)", at: stray.place, remedy: "\(odd.remedy); \(categorical)")
      )
    }
    let remedy = (MissingText.isUsual(stray.text) ? MissingText.remedy(stray.text) + "; " : "") + categorical
    return (stray.row, Failure(.badData, "\"\(text)\" is not a number, \(share)", at: stray.place, remedy: remedy))
  }

  static func infinite(_ text: String, at place: Failure.Place) -> Failure {
    var text = text
    let isOverflow = text.withUTF8 { NumberReader().read($0) == .overflow }
    return Failure(
      .badData, "\"\(printable(text))\" is \(isOverflow ? "too large for a number" : "infinite")", at: place, remedy: "a feature is finite or missing"
    )
  }
}

/// Why a feature column is what it is.
public struct FeatureEvidence {
  /// The first number with a zero before a digit.
  public let padded: String?
  /// The first field that is no number, and where it stands.
  public let text: (text: String, place: Failure.Place)?
  /// How many are numbers, how many are not, and how many of those only stand for missing.
  public let numbers: Int
  public let texts: Int
  public let missing: Int
  /// A date that is read only when its form is told.
  public let unreadDate: String?

  init(_ fields: FeatureFields) {
    padded = fields.firstPadded?.text
    text = fields.firstText.map { ($0.text, $0.place) }
    numbers = fields.numbers + fields.infinite
    texts = fields.texts
    missing = fields.count(.missing)
    unreadDate = fields.firstOfLook[.otherDate]?.text
  }
}

/// A field of a feature that is declared to hold dates.
public enum DateField {
  /// Days since 1970 in UTC, with the time of day as a fraction; NaN where it is missing. Throws for a field that is no date.
  public static func days(_ row: Row, _ column: Int, _ header: Header, _ format: TimeFormat? = nil) throws -> Double {
    let text = row.text(column)
    if MissingText.matches(text) { return .nan }
    if let format {
      if let moment = row.withContent(column, { format.moment($0) }) { return moment.value / 86400 }
      throw Failure(
        .badData, "\"\(printable(text))\" is not a date as --time-format \(format.text) writes it", at: .init(column: header.names[column]))
    }
    if let seconds = Moment.seconds(text) { return seconds / 86400 }
    if let date = CivilDate(basic: text) { return Double(date.daysSince1970) }
    throw Failure(
      .badData, "\"\(printable(text))\" is not a date", at: .init(column: header.names[column]),
      remedy: FieldLook(text) == .otherDate ? "--time-format tells how it is written" : "dates are written 2026-01-31 or 2026-01-31T12:00")
  }
}

/// Finds the rows in which one of some columns holds no finite number, and keeps their records.
final class StrayFinder: RowWorker {
  private let columns: [Int]
  private let reader = NumberReader()
  private let rejects: OutputFile?
  private let lineEnd: [UInt8]
  private var found: [Int] = []
  private var handled = 0
  /// Numbers of the rows, increasing.
  private(set) var rows: [Int] = []

  init(_ columns: [Int], rejects: OutputFile?, lineEnd: [UInt8]) {
    self.columns = columns
    self.rejects = rejects
    self.lineEnd = lineEnd
  }

  override func handle(_ row: Row, into output: ByteBuffer) throws {
    let isStray = columns.contains { column in
      switch row.number(column, reader) {
      case .number, .missing: false
      default: true
      }
    }
    if isStray { found.append(handled) }
    handled += 1
  }

  override func commit(_ rows: Rows) throws {
    for i in found {
      self.rows.append(rows.firstRow + i)
      try rejects?.write(lines: rows[i].record, lineEnd: lineEnd)
    }
    found.removeAll(keepingCapacity: true)
    handled = 0
  }
}
