import Glibc
import Groundwork
import MethodKit

/// Dynamically-tuned adaptive conformal inference (Gibbs and Candès 2024, "Conformal Inference for Online Prediction with Arbitrary
/// Distribution Shifts", JMLR 25, Algorithm 2).
///
/// Adaptive conformal inference runs with K step sizes γ_k at levels α_t^k, and the row is answered at their mean ᾱ_t = Σ p_k α_t^k. With β_t
/// the largest level whose set holds the target and ρ(β, a) = α(β − a) − min(0, β − a),
///
///     w̄_k = w_k exp(−η ρ(β_t, α_t^k)),   w_k ← (1 − σ) w̄_k/Σ w̄ + σ/K,   p_k = w_k/Σ w,
///
/// where, for a horizon of I rows, σ = 1/(2I) and η = √(3/I) √((log(KI) + 2)/((1 − α)²α³ + α²(1 − α)³)), best where nothing drifts.
///
/// Over any I rows the mean loss exceeds that of the best sequence of levels by what their path and log(K)/(ηI) cost (Theorem 3.1). Missing
/// comes to its level in the long run where η and σ go to 0 (Theorem 3.2); with fixed ones it stays within a constant of it.
/// O(log w + K) a row.
public struct DynamicallyTunedInference: OnlineCalibrator {
  public struct State: BinaryCodable {
    var levels: [Double]
    /// Their sum is 1.
    var weights: [Double]
    var scores = ScoreWindow()

    init(levels: [Double]) {
      self.levels = levels
      weights = levels.map { _ in 1 / Double(levels.count) }
    }

    public func encode(into writer: inout ByteWriter) {
      writer.write(levels)
      writer.write(weights)
      scores.encode(into: &writer)
    }

    public init(decoding reader: inout ByteReader) throws {
      levels = try reader.readArray(of: Double.self)
      weights = try reader.readArray(of: Double.self)
      scores = try ScoreWindow(decoding: &reader)
      guard weights.count == levels.count, levels.allSatisfy({ abs($0) <= ACIExperts.largestLevel }),
        weights.allSatisfy({ $0 >= 0 }), abs(weights.reduce(0, +) - 1) <= 1e-6
      else { throw ByteReader.damaged }
    }
  }

  public static let description = MethodDescription(
    name: "dtaci", summary: "online: aci at the mean level of several step sizes, weighted by their losses",
    settings: ACIExperts.settings + [
      SettingDescription("horizon", .integer(1...1_000_000_000), default: "500", "rows over which step sizes are to be good")
    ])

  private let experts: ACIExperts
  private let window: Int
  private let rate: Double
  private let share: Double

  public init(alpha: Double, settings: Settings) {
    experts = ACIExperts(alpha: alpha, settings: settings)
    window = settings.integer("window")
    let horizon = Double(settings.integer("horizon"))
    let (miss, hit) = (alpha, 1 - alpha)
    let spread = hit * hit * miss * miss * miss + miss * miss * hit * hit * hit
    rate = (3 / horizon).squareRoot() * ((log(Double(experts.gammas.count) * horizon) + 2) / spread).squareRoot()
    share = 1 / (2 * horizon)
  }

  public var start: State { State(levels: experts.start) }

  public func thresholds(_ state: State) -> OnlineThresholds {
    var mean = 0.0
    for k in state.levels.indices { mean += state.weights[k] * state.levels[k] }
    return OnlineThresholds(both: state.scores.threshold(mean))
  }

  /// Levels, then the edges of their sets.
  public var answerSize: Int { 2 * experts.gammas.count }

  public func answer(_ state: State, into answer: UnsafeMutableBufferPointer<Double>) {
    for (k, level) in state.levels.enumerated() {
      answer[k] = level
      answer[state.levels.count + k] = state.scores.edge(level)
    }
  }

  public func learn(_ lessons: [OnlineLesson], into state: inout State) {
    let best = lessons.map { state.scores.largestLevel(below: state.scores.count(below: $0.score)) }
    var total = 0.0
    for k in state.levels.indices {
      var loss = 0.0
      for (lesson, best) in zip(lessons, best) {
        let excess = best - lesson.answer[k]
        loss += experts.alpha * excess - min(0, excess)
      }
      state.weights[k] *= exp(-rate * loss)
      total += state.weights[k]
    }
    let count = Double(state.weights.count)
    // Weights that all vanish, as only a rate near the largest double makes them, say nothing.
    for k in state.weights.indices { state.weights[k] = total > 0 ? (1 - share) * state.weights[k] / total + share / count : 1 / count }
    experts.step(&state.levels, rows: lessons.count) { misses(lessons, at: experts.gammas.count + $0) }
    for lesson in lessons { state.scores.append(lesson.score, capacity: window) }
  }

  public func mayReach(_ state: State) -> Bool { state.levels.count == experts.gammas.count && state.scores.count <= window }
}
