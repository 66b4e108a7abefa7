import MethodKit
import Quantiles

/// Each end on its own (Romano, Patterson, Candès 2019, "Conformalized Quantile Regression", Theorem 2).
///
/// A level τ < ½ bounds from below: its scores are q_τ,i − y_i, Q is their ⌈(1 − τ)(n + 1)⌉-th smallest, and the answer q_τ − Q is
/// above the target with probability at most τ. A level τ > ½ bounds from above with scores y_i − q_τ,i at rank ⌈τ(n + 1)⌉. An
/// interval covers with probability at least 1 − α, each end missing at most α/2 of the time.
///
/// With `bound=upper` every level, those up to ½ as well, bounds from above, P(y ≤ q_τ) ≥ τ, as a service level asks; levels are
/// then put in order by raising only. `bound=lower` does the same from below.
public struct AsymmetricCQR: BandMeasure {
  public static let description = MethodDescription(
    name: "asymmetric", summary: "each level on its own, with or without its complement: neither end misses more often than it says",
    settings: [
      SettingDescription(
        "bound", .choice(["both", "upper", "lower"]), default: "both",
        "what levels bound: upper makes each one an upper bound, as a service level is, lower a lower one")
    ])
  public static let ordersFirst = false
  public let bounds: [ConformalBound]
  public let order: OutwardOrder

  public init(levels: [Double], settings: Settings) {
    let below = levels.indices.filter { Level(levels[$0]) < .median }
    let above = levels.indices.filter { Level(levels[$0]) > .median }
    switch settings.choice("bound") {
    case "upper":
      bounds = levels.indices.map { ConformalBound(above: $0, of: levels) }
      order = OutwardOrder(levels: levels, boundingFrom: .above)
    case "lower":
      bounds = levels.indices.map { ConformalBound(below: $0, of: levels) }
      order = OutwardOrder(levels: levels, boundingFrom: .below)
    default:
      bounds = below.map { ConformalBound(below: $0, of: levels) } + above.map { ConformalBound(above: $0, of: levels) }
      order = OutwardOrder(levels: levels)
    }
  }

  func band(_ row: UnsafePointer<Double>, _ bound: ConformalBound) -> IntervalBand {
    IntervalBand(lower: bound.lower.map { row[$0] } ?? .nan, upper: bound.upper.map { row[$0] } ?? .nan)
  }

  public static func effect(of threshold: String) -> String { "moved outwards by \(threshold)" }
}
