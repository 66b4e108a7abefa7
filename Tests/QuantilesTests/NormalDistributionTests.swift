import Quantiles
import Testing

@Suite struct NormalDistributionTests {
  /// R 4: `options(digits=17); qnorm(c(.5,.975,.01,.25,1e-10,1e-300,.999))`.
  @Test(arguments: [
    (0.5, 0.0), (0.975, 1.95996398454005361), (0.01, -2.32634787404084076), (0.25, -0.67448975019608171),
    (1e-10, -6.36134090240405570), (1e-300, -37.04709629936120052), (0.999, 3.09023230616781319),
  ])
  func quantileHasKnownValues(_ level: Double, _ known: Double) {
    #expect(abs(NormalDistribution.quantile(level) - known) <= 4e-16 * max(1, abs(known)))
  }

  /// R 4: `options(digits=17); pnorm(c(-1.96,0,1,-10,-37))`.
  @Test(arguments: [
    (-1.96, 2.4997895148220428e-02), (0, 0.5), (1, 8.4134474606854293e-01), (-10, 7.6198530241605269e-24),
    (-37, 5.7255712225245771e-300),
  ])
  func cumulativeHasKnownValues(_ z: Double, _ known: Double) {
    // exp(−z²/2) magnifies the rounding of z/√2 by z².
    #expect(abs(NormalDistribution.cumulative(z) - known) <= 2e-16 * (2 + z * z) * known)
  }

  @Test func cumulativeUndoesQuantile() {
    for k in 1..<1000 {
      let level = Double(k) / 1000
      #expect(abs(NormalDistribution.cumulative(NormalDistribution.quantile(level)) - level) < 1e-15)
    }
    #expect(NormalDistribution.quantile(0) == -.infinity && NormalDistribution.quantile(1) == .infinity)
    #expect(NormalDistribution.quantile(-0.1).isNaN && NormalDistribution.quantile(.nan).isNaN)
  }

  /// ∫φ = Φ, by the midpoint rule.
  @Test func densityIsTheDerivative() {
    let step = 1e-3
    let sum = (0..<1000).reduce(0.0) { $0 + NormalDistribution.density((Double($1) + 0.5) * step) * step }
    #expect(abs(sum - (NormalDistribution.cumulative(1) - 0.5)) < 1e-7)
  }
}
