import Groundwork

/// Reads the times of a column. The first of them decides the kind of all: numbers, days, weeks, months or quarters.
public struct TimeColumn {
  public let column: Int
  /// What was read first; nil before.
  public private(set) var kind: Moment.Kind?
  private let name: String
  public let format: TimeFormat?
  private let numbers = NumberReader()

  /// `format` tells how times are written; nil reads numbers and ISO 8601.
  public init(_ column: Int, _ header: Header, format: TimeFormat?) {
    self.column = column
    name = header.names[column]
    self.format = format
  }

  /// Takes the kind that times had in earlier runs.
  public mutating func expect(_ kind: Moment.Kind) { self.kind = kind }

  /// The time of a row, nil where it is missing. Throws for what is no time, for days and months whose order nobody tells, and for another kind
  /// than the first.
  public mutating func read(_ row: Row) throws -> Moment? {
    let reading = row.withContent(column) { content in
      guard let format else { return Moment.read(content, numbers) }
      if MissingText.matches(content) { return MomentReading.missing }
      return format.moment(content).map { .moment($0) } ?? .other
    }
    guard case .moment(let moment) = reading else {
      if case .missing = reading { return nil }
      throw failure(reading, row)
    }
    if let kind, kind != moment.kind {
      throw Failure(
        .badData, "\"\(printable(row.text(column)))\" is \(moment.kind.title), and the first time is \(kind.title)", at: .init(column: name),
        remedy: "write all of them alike")
    }
    kind = moment.kind
    return moment
  }

  /// What a row without a time is told where each needs one.
  public static func missing(in column: String) -> Failure {
    Failure(.badData, "the time is missing", at: .init(column: column), remedy: "every row needs one to be put in order")
  }

  private func failure(_ reading: MomentReading, _ row: Row) -> Failure {
    let text = printable(row.text(column))
    if let format {
      return Failure(.badData, "\"\(text)\" is not a time as --time-format \(format.text) writes it", at: .init(column: name))
    }
    guard case .dayOrMonthFirst(let dayFirst, let monthFirst, let separator, let yearDigits) = reading else {
      return Failure(
        .badData, "\"\(text)\" is neither a number nor a date", at: .init(column: name),
        remedy: "dates are written 2026-01-31 or 2026-01-31T12:00; --time-format tells another form")
    }
    func flag(_ parts: [String]) -> String { "--time-format " + (parts + [yearDigits == 4 ? "%Y" : "%y"]).joined(separator: "\(separator)") }
    let readings = [(dayFirst, flag(["%d", "%m"])), (monthFirst, flag(["%m", "%d"]))].compactMap { date, flag in
      date.map { (Moment(days: $0.daysSince1970).canonicalText.description, flag) }
    }
    return Failure(
      .badData, "\"\(text)\" is \(readings.map(\.0).joined(separator: " or "))", at: .init(column: name),
      remedy: "say which comes first, the day or the month: \(readings.map(\.1).joined(separator: " or "))")
  }
}
