import Groundwork
import MethodKit

/// Strongly adaptive online conformal prediction (Bhatnagar, Wang, Xiong, Bai 2023, "Improved Online Conformal Prediction via Strongly
/// Adaptive Online Learning", Algorithm 1).
///
/// Each row i brings a new expert, scale-free gradient descent that starts at the threshold θ_{i−1} last answered, and lives for g 2ⁿ rows, 2ⁿ
/// being the largest power of two that divides i: there are O(g log t), some young, some old. Row t is answered by their mean θ_t = Σ p_i θ_t^i,
/// p_i ∝ π_i [w_i]₊ with π_i ∝ i⁻² (1 + ⌊log₂ i⌋)⁻¹, and p = π where no weight is positive. With L the pinball loss at 1 − α,
///
///     c_i = (L(θ_t, E_t) − L(θ_t^i, E_t))/D in [−1, 1], from below at 0 where w_i ≤ 0,
///     w_i ← (Σ c_i)(1 + Σ w_i c_i)/(t − i + 1).
///
/// Where scores lie in [0, D], D given, the regret over any m of T rows is at most 15 D √(m (log T + 1)) (Proposition 4.1). Missing comes to its
/// level as fast as weights settle (Theorem 4.3). O(g log t) a row, and as many times 48 bytes a series and interval.
public struct StronglyAdaptiveCalibration: OnlineCalibrator {
  struct Expert {
    var descent: ScaleFreeDescent
    let birth: Int
    /// Rows that it has learnt from.
    var age = 0
    /// Σ c
    var gains = 0.0
    /// Σ w c
    var weightedGains = 0.0

    var weight: Double { age == 0 ? 0 : gains * (1 + weightedGains) / Double(age) }
  }

  public struct State: BinaryCodable {
    var experts: [Expert]
    /// t: the rows learnt from, and one.
    var time = 1
    var radius: Double

    init(radius: Double) {
      experts = [Expert(descent: ScaleFreeDescent(threshold: 0), birth: 1)]
      self.radius = radius
    }

    public func encode(into writer: inout ByteWriter) {
      writer.write(time)
      writer.write(radius)
      writer.write(experts.map(\.birth))
      writer.write(experts.flatMap { [$0.descent.threshold, $0.descent.squares, $0.gains, $0.weightedGains] })
    }

    public init(decoding reader: inout ByteReader) throws {
      let time = try reader.readCounter()
      radius = try reader.readDouble()
      let births = try reader.readArray(of: Int.self)
      let numbers = try reader.readArray(of: Double.self)
      guard time >= 1, births.last == time, births[0] >= 1, zip(births, births.dropFirst()).allSatisfy({ $0 < $1 }),
        numbers.count == 4 * births.count, radius >= 0, numbers.allSatisfy({ !$0.isNaN })
      else { throw ByteReader.damaged }
      self.time = time
      experts = births.enumerated().map { i, birth in
        Expert(
          descent: ScaleFreeDescent(threshold: numbers[4 * i], squares: numbers[4 * i + 1]), birth: birth, age: time - birth,
          gains: numbers[4 * i + 2], weightedGains: numbers[4 * i + 3])
      }
    }
  }

  public static let description = MethodDescription(
    name: "saocp", summary: "online: the mean threshold of sf-ogd begun at many times, weighted by their losses",
    settings: [radiusSetting, SettingDescription("lifetime", .integer(1...1000), default: "8", "rows that the shortest-lived begun ones live")])

  private let alpha: Double
  private let radius: Double
  private let lifetime: Int

  public init(alpha: Double, settings: Settings) {
    self.alpha = alpha
    radius = settings.number("radius")
    lifetime = settings.integer("lifetime")
  }

  public var start: State { State(radius: radius) }

  public func thresholds(_ state: State) -> OnlineThresholds { OnlineThresholds(both: mean(state)) }

  private func mean(_ state: State) -> Double {
    var (priors, prior) = (0.0, 0.0)
    var (weights, weighted) = (0.0, 0.0)
    for expert in state.experts {
      let birth = Double(expert.birth)
      let share = 1 / (birth * birth * Double(Int.bitWidth - expert.birth.leadingZeroBitCount))
      let weight = share * max(0, expert.weight)
      priors += share
      prior += share * expert.descent.threshold
      weights += weight
      weighted += weight * expert.descent.threshold
    }
    return weights > 0 ? weighted / weights : prior / priors
  }

  public var answerSize: Int { 1 }

  public func answer(_ state: State, into answer: UnsafeMutableBufferPointer<Double>) { answer[0] = mean(state) }

  public func learn(_ lessons: [OnlineLesson], into state: inout State) {
    let answer = mean(state)
    if radius == 0 { for lesson in lessons where lesson.score.isFinite { state.radius = max(state.radius, abs(lesson.score)) } }
    for i in state.experts.indices { learn(lessons, state.radius, &state.experts[i]) }
    state.time += 1
    let time = state.time
    state.experts.removeAll { !lives($0, at: time) }
    state.experts.append(Expert(descent: ScaleFreeDescent(threshold: answer), birth: time))
  }

  /// Gains are means over the rows of a step, so that they stay in [−1, 1].
  private func learn(_ lessons: [OnlineLesson], _ radius: Double, _ expert: inout Expert) {
    let weight = expert.weight
    let threshold = expert.descent.threshold
    let difference = lessons.reduce(0) { $0 + lossDifference($1.answer[0], threshold, $1.score) } / Double(lessons.count)
    let gain = radius > 0 ? difference / radius : 0
    let clipped = min(max(gain, weight > 0 ? -1 : 0), 1)
    expert.gains += clipped
    expert.weightedGains += weight * clipped
    expert.age += 1
    let misses = lessons.reduce(0) { $0 + ($1.score > threshold ? 1 : 0) }
    expert.descent.step(rows: lessons.count, misses: misses, alpha: alpha, radius: radius)
  }

  /// L(a, E) − L(b, E) for the pinball loss at 1 − α, which is finite for every E.
  private func lossDifference(_ a: Double, _ b: Double, _ score: Double) -> Double {
    if score.isInfinite { return (score < 0 ? alpha : alpha - 1) * (a - b) }
    func loss(_ threshold: Double) -> Double { score > threshold ? (1 - alpha) * (score - threshold) : alpha * (threshold - score) }
    return loss(a) - loss(b)
  }

  public func mayReach(_ state: State) -> Bool {
    (radius == 0 || state.radius == radius) && state.experts.allSatisfy { lives($0, at: state.time) }
  }

  private func lives(_ expert: Expert, at time: Int) -> Bool { time < expert.birth + lifetime << expert.birth.trailingZeroBitCount }
}
