import Groundwork
import MethodKit

/// Scale-free online gradient descent on the pinball loss (Orabona and Pál 2018, "Scale-free online learning"; as a conformal method
/// Bhatnagar, Wang, Xiong, Bai 2023, "Improved Online Conformal Prediction via Strongly Adaptive Online Learning", Algorithm 2).
///
/// The threshold θ_t itself moves: with err_t = 1 where the score exceeds it and the gradient ∇_t = α − err_t,
///
///     θ_{t+1} = θ_t − (D/√3) ∇_t/√(Σ_{s ≤ t} ∇_s²),   θ₁ = 0,
///
/// D being how large scores are: given, or the largest size of a score so far.
///
/// Where scores lie in [−D, D], D given, |mean err − α| ≤ 2 (1 + √3) max(α, 1 − α)/√T for every sequence of T rows: steps η_t = (D/√3)/√(Σ∇²)
/// fall, and sums by parts bound the mean by 2 max|θ|/(η_T T) (Angelopoulos, Barber, Bates 2024, "Online conformal prediction with decaying
/// step sizes", Theorem 1). O(1) a row; 24 bytes a series and interval.
public struct ScaleFreeGradientDescent: OnlineCalibrator {
  public struct State: BinaryCodable {
    var descent: ScaleFreeDescent
    var radius: Double

    init(radius: Double) {
      descent = ScaleFreeDescent(threshold: 0)
      self.radius = radius
    }

    public func encode(into writer: inout ByteWriter) {
      writer.write(descent.threshold)
      writer.write(descent.squares)
      writer.write(radius)
    }

    public init(decoding reader: inout ByteReader) throws {
      descent = ScaleFreeDescent(threshold: try reader.readDouble(), squares: try reader.readDouble())
      radius = try reader.readDouble()
      guard !descent.threshold.isNaN, descent.squares >= 0, radius >= 0 else { throw ByteReader.damaged }
    }
  }

  public static let description = MethodDescription(
    name: "sf-ogd", summary: "online: the threshold itself follows the misses, in steps that shrink", settings: [radiusSetting])

  private let alpha: Double
  private let radius: Double

  public init(alpha: Double, settings: Settings) {
    self.alpha = alpha
    radius = settings.number("radius")
  }

  public var start: State { State(radius: radius) }

  public func thresholds(_ state: State) -> OnlineThresholds { OnlineThresholds(both: state.descent.threshold) }

  public var answerSize: Int { 1 }

  public func answer(_ state: State, into answer: UnsafeMutableBufferPointer<Double>) { answer[0] = state.descent.threshold }

  public func learn(_ lessons: [OnlineLesson], into state: inout State) {
    if radius == 0 { for lesson in lessons where lesson.score.isFinite { state.radius = max(state.radius, abs(lesson.score)) } }
    state.descent.step(rows: lessons.count, misses: misses(lessons, at: 0), alpha: alpha, radius: state.radius)
  }

  public func mayReach(_ state: State) -> Bool { radius == 0 || state.radius == radius }
}

/// The setting of methods that move thresholds rather than levels.
let radiusSetting = SettingDescription(
  "radius", .number(0...1e300), default: "0", "largest size of a score, in the target's units; 0 takes that of those seen so far")

/// A threshold that follows the misses.
struct ScaleFreeDescent {
  var threshold: Double
  /// Σ ∇²
  var squares = 0.0

  /// One step by the gradients of rows, added up.
  mutating func step(rows: Int, misses: Int, alpha: Double, radius: Double) {
    let gradient = Double(rows) * alpha - Double(misses)
    squares += gradient * gradient
    if squares > 0 { threshold -= radius / 3.0.squareRoot() * gradient / squares.squareRoot() }
  }
}
