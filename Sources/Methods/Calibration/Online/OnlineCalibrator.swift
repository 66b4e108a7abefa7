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

/// What one row teaches of one interval: how its target lies, and what answered it.
public struct OnlineLesson {
  public let scores: EndScores
  /// What `OnlineCalibrator.answer` told when the row was answered.
  public let answer: UnsafeBufferPointer<Double>

  public init(_ scores: EndScores, answer: UnsafeBufferPointer<Double>) {
    self.scores = scores
    self.answer = answer
  }

  var score: Double { scores.score }

  /// By their scores, then by their answers: an order that does not depend on that of the rows. No score is NaN.
  static func precedes(_ a: OnlineLesson, _ b: OnlineLesson) -> Bool {
    if a.score != b.score { return a.score < b.score }
    if a.scores != b.scores { return (a.scores.below, a.scores.above) < (b.scores.below, b.scores.above) }
    return a.answer.lexicographicallyPrecedes(b.answer) { $0 < $1 || ($1.isNaN && !$0.isNaN) }
  }
}

/// A way to calibrate the central interval of one coverage 1 − α row after row, in the order of time.
///
/// Before its target is seen, each row is answered from what rows before it taught; then its target teaches, by what was answered. Rows of one time
/// are answered alike and teach together, as one step whose losses are added up; a target that comes late teaches when it comes. The formulas of
/// methods are those of one row a step. No assumption is made on how rows come about: what a method promises, it promises for every sequence, in the
/// long run. An instance holds what all series share, `State` what is learnt of one, so that millions of series are cheap.
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

  /// How many numbers `answer` tells.
  var answerSize: Int { get }

  /// Tells what the method has to know, once the target is there, of how the next row is answered.
  func answer(_ state: State, into answer: UnsafeMutableBufferPointer<Double>)

  /// Learns from the rows of one step, at least one, in the order of `OnlineLesson.precedes`. A score is not NaN; it is infinite where a predicted
  /// end is.
  func learn(_ lessons: [OnlineLesson], into state: inout State)

  /// Whether a state that was read can have come about under these settings.
  func mayReach(_ state: State) -> Bool
}

extension OnlineCalibrator {
  /// How many lessons' targets lie beyond the threshold that answered them, which stands at `place` of the answers; NaN is the empty set, which every
  /// target misses.
  func misses(_ lessons: [OnlineLesson], at place: Int) -> Int { lessons.reduce(0) { $0 + ($1.score <= $1.answer[place] ? 0 : 1) } }
}
