import Groundwork
import MethodKit

/// How far the target of a row lies outside each end (ℓ, u) of its predicted interval, in the target's units.
public struct EndScores: Equatable, Sendable {
  /// ℓ − y
  public var below: Double
  /// y − u
  public var above: Double

  public init(below: Double, above: Double) {
    self.below = below
    self.above = above
  }

  /// The score of conformalized quantile regression, E = max(ℓ − y, y − u); NaN where an end is missing.
  public var score: Double { below.isNaN || above.isNaN ? .nan : max(below, above) }
}

/// By how much the ends of an interval move: [ℓ − lower, u + upper]. +∞ is the whole line; −∞ moves nothing.
public struct OnlineThresholds: Equatable, Sendable {
  public var lower: Double
  public var upper: Double

  public init(lower: Double, upper: Double) {
    self.lower = lower
    self.upper = upper
  }

  public init(both threshold: Double) { self.init(lower: threshold, upper: threshold) }
}

/// A way to calibrate the central interval of one coverage 1 − α row after row, in the order of time.
///
/// Before its target is seen, each row is answered from what earlier rows taught; then its target teaches. No assumption is
/// made on how rows come about: what a method promises, it promises for every sequence, in the long run. An instance holds what all
/// series share, `State` what is learnt of one, so that millions of series are cheap.
///
/// To add one: a file with a type of this protocol, and a line in `calibrationRegistry`.
public protocol OnlineCalibrator: Sendable {
  associatedtype State: BinaryCodable

  static var description: MethodDescription { get }

  /// For intervals that are to miss a share `alpha` of targets, 0 < alpha < 1.
  init(alpha: Double, settings: Settings)

  /// What is known before the first row.
  var start: State { get }

  /// What answers the next row. Neither number is NaN.
  func thresholds(_ state: State) -> OnlineThresholds

  /// Learns from one row. Its score is not NaN; it is infinite where a predicted end is.
  func learn(_ scores: EndScores, into state: inout State)

  /// Whether a state that was read can have come about under these settings.
  func mayReach(_ state: State) -> Bool
}
