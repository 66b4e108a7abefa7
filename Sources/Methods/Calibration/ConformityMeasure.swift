import MethodKit
import Quantiles

/// A statement that a method calibrates: the target lies not below one level's quantile, not above another's, or both.
public struct ConformalBound: Equatable, Sendable {
  /// Index of the level that bounds from below.
  public let lower: Int?
  /// Index of the level that bounds from above.
  public let upper: Int?
  /// The coverage 1 − α it is to have.
  public let coverage: Level

  public init(lower: Int?, upper: Int?, coverage: Level) {
    self.lower = lower
    self.upper = upper
    self.coverage = coverage
  }

  /// The central interval of a pair of levels: coverage 1 − 2τ.
  init(_ pair: LevelPairs.Pair, of levels: [Double]) {
    self.init(lower: pair.lower, upper: pair.upper, coverage: Level(key: Level.one - 2 * Level(levels[pair.lower]).key))
  }

  /// y ≥ q_τ, which is to hold with probability 1 − τ.
  init(below level: Int, of levels: [Double]) { self.init(lower: level, upper: nil, coverage: Level(levels[level]).complement) }

  /// y ≤ q_τ, which is to hold with probability τ.
  init(above level: Int, of levels: [Double]) { self.init(lower: nil, upper: level, coverage: Level(levels[level])) }
}

/// How far a target is outside its prediction, and how a prediction grows to that distance: all that a split conformal method is.
///
/// For each bound there is a family of sets C(t), growing in t, of which `move` writes the ends. The score of a target y is the
/// least t with y ∈ C(t), and the answer is C(Q) for the conformal quantile Q of the scores of labelled rows, so it holds the
/// target of an exchangeable row with probability at least 1 − α (Vovk, Gammerman, Shafer 2005; Gupta, Kuchibhotla, Ramdas 2022,
/// "Nested conformal prediction and quantile out-of-bag ensemble methods").
///
/// To add one: a file with a type of this protocol, and a line in `calibrationRegistry`.
public protocol ConformityMeasure: Sendable {
  static var description: MethodDescription { get }

  /// Whether rows are put in order, outwards from the median, before anything else.
  static var ordersFirst: Bool { get }

  /// Whether intervals that a row lacks are made.
  static func makesIntervals(_ settings: Settings) -> Bool

  /// Whether it is only of use where rows have weights.
  static var needsWeights: Bool { get }

  /// Throws a `Failure` where the method needs a level that is not there.
  init(levels: [Double], settings: Settings) throws

  var bounds: [ConformalBound] { get }

  /// How answers are put in order, such that no bound is tightened.
  var order: OutwardOrder { get }

  /// The score of `target` for the k-th bound; NaN where the row lacks a quantile that it needs.
  func score(_ row: UnsafePointer<Double>, target: Double, bound k: Int) -> Double

  /// The first bound that has the same scores as the k-th, which need then be computed once; k where there is none before it.
  func firstBound(scoringAs k: Int) -> Int

  /// Writes the ends of the sets at one threshold a bound: +∞ is the whole line, −∞ moves nothing.
  func move(_ row: UnsafeMutableBufferPointer<Double>, to thresholds: UnsafePointer<Double>)

  /// What a threshold does, for messages: "moved outwards by 2".
  static func effect(of threshold: String) -> String
}

extension ConformityMeasure {
  public static func makesIntervals(_ settings: Settings) -> Bool { false }
  public static var needsWeights: Bool { false }
  public func firstBound(scoringAs k: Int) -> Int { k }
}
