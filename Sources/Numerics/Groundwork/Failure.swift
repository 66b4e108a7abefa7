/// What went wrong, where, and what the user can do about it: the one error type of all modules.
///
/// It prints as `TOOL: PLACE: CAUSE; REMEDY`, for example
/// `qfit: stdin:1234: column "age": "abc" is not a number`.
public struct Failure: Error, Equatable, CustomStringConvertible {
  /// Exit statuses of `sysexits.h`, and 1 for a condition of the user's that does not hold; raw values are what the tool exits with.
  public enum Status: Int32, CaseIterable, Sendable {
    case unmetCondition = 1
    case usage = 64
    case badData = 65
    case noInput = 66
    /// A program that does part of the work is not there, or memory.
    case unavailable = 69
    case `internal` = 70
    case cannotCreate = 73
    case inputOutput = 74
  }

  /// Where it happened: any part may be unknown.
  public struct Place: Equatable, Sendable, CustomStringConvertible {
    public var input: String?
    /// Physical line, counted from 1.
    public var line: Int?
    public var column: String?

    public init(input: String? = nil, line: Int? = nil, column: String? = nil) {
      self.input = input
      self.line = line
      self.column = column
    }

    /// `input:line: column "name": `, as far as it is known.
    public var description: String {
      var text = ""
      if let input {
        text += input
        if let line { text += ":\(line)" }
        text += ": "
      } else if let line {
        text += "line \(line): "
      }
      if let column { text += "column \"\(column)\": " }
      return text
    }
  }

  public var status: Status
  public var place: Place
  public var cause: String
  public var remedy: String?

  public init(_ status: Status, _ cause: String, at place: Place = Place(), remedy: String? = nil) {
    self.status = status
    self.place = place
    self.cause = cause
    self.remedy = remedy
  }

  /// The line without the tool's name.
  public var description: String {
    "\(place)\(cause)" + (remedy.map { "; " + $0 } ?? "")
  }
}
