/// What a family of scores declares of itself; the help of `qscore`, its flags and the tables of its documentation follow from it.
public struct ScoreDescription: Sendable {
  /// Some columns that one line explains.
  public struct Line: Sendable {
    /// Where there is a column for each interval, that of the 90 % interval.
    public let columns: [(name: String, unit: Unit)]
    public let summary: String

    public init(_ columns: [(name: String, unit: Unit)], _ summary: String) {
      self.columns = columns
      self.summary = summary
    }
  }

  public enum Unit: Sendable {
    /// That of the target.
    case target
    case none
  }

  /// Which of two values is the better one.
  public enum Direction: Sendable {
    /// The lesser one; 0 is best, so ratios of means tell how much better.
    case less
    /// The one nearer to 0.
    case nearerZero
    /// The one nearer to what the forecast says of itself.
    case nearerNominal
  }

  public let name: String
  /// One line on the whole family, for tables.
  public let summary: String
  public let direction: Direction
  /// All columns, in their order.
  public let lines: [Line]
  /// What is said of the request for a family that is reported only where it is asked for, by its name; nil is always reported.
  public let request: String?

  public init(name: String, summary: String, direction: Direction, lines: [Line], request: String? = nil) {
    self.name = name
    self.summary = summary
    self.direction = direction
    self.lines = lines
    self.request = request
  }
}
