import Glibc
import Groundwork
import MethodKit

/// Conformal PID control (Angelopoulos, Candès, Tibshirani 2023, "Conformal PID Control for Time Series Prediction", §2): quantile
/// tracking and an integrator of errors, without a scorecaster.
///
/// With err_t = 1 where the score exceeds the threshold q_t, and B_t how far the last w scores reach from the smallest, or 0, to the largest, or 0,
///
///     θ_{t+1} = θ_t + η B_t (err_t − α),   θ₁ = 0,
///     q_{t+1} = θ_{t+1} + K B_t tan(x log(t)/(t C)),   x = Σ_{s ≤ t} (err_s − α),
///
/// the tangent being ±∞ where its argument leaves (−π/2, π/2): misses that pile up bring the whole line, and hits that pile up the smallest score.
/// K = 0 is quantile tracking alone.
///
/// With K > 0, |mean err − α| ≤ πC/(2 log T) + 1/T for every sequence of T rows (after Proposition 2). O(log w) a row.
public struct ConformalPID: OnlineCalibrator {
  public struct State: BinaryCodable {
    var threshold = 0.0
    var rows = 0
    var misses = 0
    /// Finite scores.
    var scores = ScoreWindow()

    init() {}

    public func encode(into writer: inout ByteWriter) {
      writer.write(threshold)
      writer.write(rows)
      writer.write(misses)
      scores.encode(into: &writer)
    }

    public init(decoding reader: inout ByteReader) throws {
      threshold = try reader.readDouble()
      rows = try reader.readCounter()
      misses = try reader.readCounter()
      scores = try ScoreWindow(decoding: &reader)
      guard !threshold.isNaN, rows >= misses, scores.count == 0 || scores.smallest.isFinite && scores.largest.isFinite else {
        throw ByteReader.damaged
      }
    }
  }

  public static let description = MethodDescription(
    name: "pid", summary: "online: the threshold follows the misses, and the sum of all misses",
    settings: [
      SettingDescription("rate", .number(0...100), default: "0.1", "η: how far a miss moves the threshold, as a share of how far scores reach"),
      SettingDescription(
        "integrator", .number(0...1000), default: "1", "K: strength of the sum of all misses, as a share of how far scores reach; 0 leaves it out"),
      SettingDescription(
        "saturation", .number(1e-3...1e6), default: "5", "C: how many misses too many the integrator takes before it answers with the whole line"),
      SettingDescription("window", .integer(1...1_000_000), default: "100", "scores that tell how far scores reach: the last of each series"),
    ])

  private let alpha: Double
  private let rate: Double
  private let integrator: Double
  private let saturation: Double
  private let window: Int

  public init(alpha: Double, settings: Settings) {
    self.alpha = alpha
    rate = settings.number("rate")
    integrator = settings.number("integrator")
    saturation = settings.number("saturation")
    window = settings.integer("window")
  }

  public var start: State { State() }

  private func reach(_ scores: ScoreWindow) -> Double { scores.count == 0 ? 0 : max(scores.largest, 0) - min(scores.smallest, 0) }

  /// q_t, which may be ±∞.
  private func threshold(_ state: State) -> Double {
    guard integrator > 0, state.rows > 1 else { return state.threshold }
    let rows = Double(state.rows)
    let angle = (Double(state.misses) - alpha * rows) * log(rows) / (rows * saturation)
    if abs(angle) >= .pi / 2 { return angle > 0 ? .infinity : -.infinity }
    return state.threshold + integrator * reach(state.scores) * tan(angle)
  }

  public func thresholds(_ state: State) -> OnlineThresholds {
    let threshold = threshold(state)
    // An interval cannot be empty.
    return OnlineThresholds(both: threshold == -.infinity ? state.scores.smallest : threshold)
  }

  public var answerSize: Int { 1 }

  public func answer(_ state: State, into answer: UnsafeMutableBufferPointer<Double>) { answer[0] = threshold(state) }

  public func learn(_ lessons: [OnlineLesson], into state: inout State) {
    let misses = misses(lessons, at: 0)
    for lesson in lessons where lesson.score.isFinite { state.scores.append(lesson.score, capacity: window) }
    state.threshold += rate * reach(state.scores) * (Double(misses) - Double(lessons.count) * alpha)
    state.rows += lessons.count
    state.misses += misses
  }

  public func mayReach(_ state: State) -> Bool { state.scores.count <= window }
}
