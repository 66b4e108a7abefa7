import Glibc
import Groundwork

/// With what weight a row teaches another that comes later: its own, times the decay to the power of its age.
struct RowAgeing {
  private let decay: Double
  /// A power of two that brings extreme weights near 1, so that ageing loses none of their digits.
  let unit: Double

  /// `weights` are those of rows themselves; without a decay they stay what they are.
  init(decay: Double?, of weights: [Double]) {
    self.decay = decay ?? 1
    unit = decay == nil ? 1 : PowerOfTwo.inverseWhereExtreme(of: weights.max() ?? 1)
  }

  func weight(_ own: Double, age: Int) -> Double { own * unit * pow(decay, Double(age)) }
}
