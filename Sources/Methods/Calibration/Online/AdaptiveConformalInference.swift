import Groundwork
import MethodKit

/// Adaptive conformal inference (Gibbs and Candès 2021, "Adaptive Conformal Inference Under Distribution Shift", eq. 2).
///
/// The set of row t is that of split conformal prediction on the last w scores at the level α_t, and
///
///     α_{t+1} = α_t + γ (α − err_t),   α₁ = α,
///
/// err_t being 1 where the set missed the target. It is the whole line while w has too few scores for α_t, and after many misses.
///
/// For every sequence of T rows |mean err − α| ≤ (max(α₁, 1 − α₁) + γ)/(γT) (Proposition 4.1). Where the set is empty, α_t ≥ 1, err_t is 1
/// whatever is answered. O(log w) a row.
public struct AdaptiveConformalInference: OnlineCalibrator {
  public struct State: BinaryCodable {
    var level: Double
    var scores = ScoreWindow()

    init(level: Double) { self.level = level }

    public func encode(into writer: inout ByteWriter) {
      writer.write(level)
      scores.encode(into: &writer)
    }

    public init(decoding reader: inout ByteReader) throws {
      level = try reader.readDouble()
      guard abs(level) <= ACIExperts.largestLevel else { throw ByteReader.damaged }
      scores = try ScoreWindow(decoding: &reader)
    }
  }

  public static let description = MethodDescription(
    name: "aci", summary: "online: the level of split conformal intervals follows the misses",
    settings: [
      SettingDescription("gamma", .number(1e-9...1), default: "0.005", "how far a miss moves the level"),
      windowSetting,
    ])

  private let alpha: Double
  private let gamma: Double
  private let window: Int

  public init(alpha: Double, settings: Settings) {
    self.alpha = alpha
    gamma = settings.number("gamma")
    window = settings.integer("window")
  }

  public var start: State { State(level: alpha) }

  public func thresholds(_ state: State) -> OnlineThresholds { OnlineThresholds(both: state.scores.threshold(state.level)) }

  public var answerSize: Int { 1 }

  public func answer(_ state: State, into answer: UnsafeMutableBufferPointer<Double>) { answer[0] = state.scores.edge(state.level) }

  public func learn(_ lessons: [OnlineLesson], into state: inout State) {
    state.level += gamma * (Double(lessons.count) * alpha - Double(misses(lessons, at: 0)))
    for lesson in lessons { state.scores.append(lesson.score, capacity: window) }
  }

  public func mayReach(_ state: State) -> Bool { state.scores.count <= window }
}

/// The setting of methods that choose among past scores.
let windowSetting = SettingDescription(
  "window", .integer(1...1_000_000), default: "1000", "scores that thresholds are chosen from: the last of each series")
