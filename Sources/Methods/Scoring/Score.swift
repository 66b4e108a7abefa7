/// A family of scores of one forecast: m quantiles at increasing levels against the target that came true.
///
/// A value is prepared for one set of levels and then evaluated row by row. Its columns depend on the intervals asked for and
/// never on the levels: what the levels cannot give is NaN, which is missing.
///
/// To add one: a file with a type of this protocol, and a line in `scoreRegistry`.
public protocol Score: Sendable {
  static var description: ScoreDescription { get }

  /// `levels` are increasing, in (0, 1), at least one.
  init(levels: [Double], intervals: [Interval])

  /// Names of the columns, in the order in which `evaluate` fills them.
  var columns: [String] { get }

  /// Scores one row. `quantiles` holds one value a level, finite or infinite, never NaN, and need not be sorted; `target` is
  /// finite; `values` has room for one value a column. Calls from several threads are safe.
  func evaluate(quantiles: UnsafePointer<Double>, target: Double, into values: UnsafeMutablePointer<Double>)
}

extension Score {
  /// Those of `columns` of which less is better and 0 is best, so that their ratios tell which forecast is better.
  public var losses: [String] { Self.description.direction == .less ? columns : [] }
}
