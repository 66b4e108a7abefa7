import Groundwork
import MethodKit

/// Aggregated adaptive conformal inference (Zaffran, Féron, Goude, Josse, Dieuleveut 2022, "Adaptive Conformal Predictions for Time
/// Series", §3.3).
///
/// Adaptive conformal inference runs with K step sizes, each giving a threshold q_k, and the ends of the interval are their means,
///
///     ℓ − Σ p_k q_k   and   u + Σ p′_k q_k,
///
/// by Bernstein online aggregation for the pinball loss at α/2 and 1 − α/2, so they move by different amounts. As Susmann, Chambaz and Josse
/// (2024, "AdaptiveConformal: An R Package for Adaptive Conformal Inference") have it, a threshold that were infinite is the window's largest
/// score: an expert that asks for the whole line must not outweigh all others. Only the first row's answer is infinite.
///
/// The regret of each end is that of the aggregation; for coverage no bound is known. O(K log w) a row.
public struct AggregatedInference: OnlineCalibrator {
  public struct State: BinaryCodable {
    var levels: [Double]
    var lower: BernsteinAggregation
    var upper: BernsteinAggregation
    var scores = ScoreWindow()

    init(levels: [Double]) {
      self.levels = levels
      lower = BernsteinAggregation(experts: levels.count)
      upper = lower
    }

    public func encode(into writer: inout ByteWriter) {
      writer.write(levels)
      lower.encode(into: &writer)
      upper.encode(into: &writer)
      scores.encode(into: &writer)
    }

    public init(decoding reader: inout ByteReader) throws {
      levels = try reader.readArray(of: Double.self)
      lower = try BernsteinAggregation(decoding: &reader)
      upper = try BernsteinAggregation(decoding: &reader)
      scores = try ScoreWindow(decoding: &reader)
      guard levels.allSatisfy({ abs($0) <= ACIExperts.largestLevel }), lower.experts == levels.count, upper.experts == levels.count else {
        throw ByteReader.damaged
      }
    }
  }

  public static let description = MethodDescription(
    name: "agaci", summary: "online: each end is the mean of what several step sizes of aci give, weighted by their losses",
    settings: ACIExperts.settings)

  private let experts: ACIExperts
  private let window: Int

  public init(alpha: Double, settings: Settings) {
    experts = ACIExperts(alpha: alpha, settings: settings)
    window = settings.integer("window")
  }

  public var start: State { State(levels: experts.start) }

  /// Writes each expert's q_k.
  private func candidates(_ state: State, into found: UnsafeMutableBufferPointer<Double>) {
    for (k, level) in state.levels.enumerated() {
      let threshold = state.scores.threshold(level)
      found[k] = threshold == .infinity ? state.scores.largest : threshold
    }
  }

  public func thresholds(_ state: State) -> OnlineThresholds {
    withUnsafeTemporaryAllocation(of: Double.self, capacity: state.levels.count) { found in
      candidates(state, into: found)
      return OnlineThresholds(lower: state.lower.mean(found), upper: state.upper.mean(found))
    }
  }

  /// The experts' thresholds, the edges of their sets, and the means of both ends.
  public var answerSize: Int { 2 * experts.gammas.count + 2 }

  public func answer(_ state: State, into answer: UnsafeMutableBufferPointer<Double>) {
    let count = state.levels.count
    let found = UnsafeMutableBufferPointer(rebasing: answer[..<count])
    candidates(state, into: found)
    for (k, level) in state.levels.enumerated() { answer[count + k] = state.scores.edge(level) }
    answer[2 * count] = state.lower.mean(found)
    answer[2 * count + 1] = state.upper.mean(found)
  }

  public func learn(_ lessons: [OnlineLesson], into state: inout State) {
    let slack = experts.alpha / 2
    let count = state.levels.count
    state.lower.learn(lessons.map { ($0.answer[..<count], $0.answer[2 * count], slack - ($0.scores.below > $0.answer[2 * count] ? 1 : 0)) })
    state.upper.learn(
      lessons.map { ($0.answer[..<count], $0.answer[2 * count + 1], slack - ($0.scores.above > $0.answer[2 * count + 1] ? 1 : 0)) })
    experts.step(&state.levels, rows: lessons.count) { misses(lessons, at: count + $0) }
    for lesson in lessons { state.scores.append(lesson.score, capacity: window) }
  }

  public func mayReach(_ state: State) -> Bool { state.levels.count == experts.gammas.count && state.scores.count <= window }
}
