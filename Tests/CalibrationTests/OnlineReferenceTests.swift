import Calibration
import Methods
import Testing

/// What scripts/reference-online.py prints: of 2000 rows, method, α, rows that missed, infinite thresholds, the mean of the finite ones, and the
/// last ones below and above.
private let reference: [(name: String, alpha: Double, misses: Int, infinite: Int, mean: Double, lower: Double, upper: Double)] = [
  ("aci", 0.02, 40, 174, 2.40745071243, 4.12965607923, 4.12965607923),
  ("aci", 0.2, 403, 8, 1.16898619869, 2.30336538609, 2.30336538609),
  ("aci", 0.9, 1807, 2, -0.822258148835, -0.578067692928, -0.578067692928),
  ("dtaci", 0.02, 41, 340, 2.34268866029, 3.98754003365, 3.98754003365),
  ("dtaci", 0.2, 403, 18, 1.17141947569, 2.03639508132, 2.03639508132),
  ("dtaci", 0.9, 1805, 2, -0.817940650451, -0.598729760386, -0.598729760386),
  ("agaci", 0.02, 42, 2, 2.46881349243, 3.34782173205, 3.89395895241),
  ("agaci", 0.2, 399, 2, 1.18057699463, 2.18979575024, 2.02688272851),
  ("agaci", 0.9, 1804, 2, -0.823831447405, -0.630689844277, -0.603434817883),
  ("sf-ogd", 0.02, 52, 0, 2.39752940096, 4.08739006207, 4.08739006207),
  ("sf-ogd", 0.2, 410, 0, 1.15319004543, 1.70610190788, 1.70610190788),
  ("sf-ogd", 0.9, 1798, 0, -0.808425930346, -0.706520950489, -0.706520950489),
  ("saocp", 0.02, 72, 0, 2.26539753532, 3.7608398726, 3.7608398726),
  ("saocp", 0.2, 441, 0, 1.09121437692, 1.82932335184, 1.82932335184),
  ("saocp", 0.9, 1711, 0, -0.732756589446, -0.710461054822, -0.710461054822),
  ("pid", 0.02, 50, 0, 2.44811618933, 3.86024155416, 3.86024155416),
  ("pid", 0.2, 404, 0, 1.18621720753, 1.66749086385, 1.66749086385),
  ("pid", 0.9, 1794, 0, -0.807820125477, -1.02681207866, -1.02681207866),
]

@Suite struct OnlineReferenceTests {
  /// The scores that the script draws.
  private static let scores: [EndScores] = {
    var state = 7
    func uniform() -> Double {
      state = (1_103_515_245 * state + 12345) % (1 << 31)
      return Double(state) / Double(1 << 31)
    }
    return (0..<2000).map { t in
      let y = (uniform() + uniform() - 1) * (t < 1000 ? 2 : 6)
      return EndScores(below: -1 - y, above: y - 1)
    }
  }()

  @Test(arguments: reference.indices)
  func methodsAgreeWithAnotherImplementation(_ i: Int) throws {
    let expected = reference[i]
    let type = onlineRegistry.first { $0.description.name == expected.name }!
    let states = type.states(alphas: [expected.alpha], settings: try Settings(of: type.description))
    states.addSeries()
    var (misses, infinite, sum, count) = (0, 0, 0.0, 0)
    var last = OnlineThresholds(both: 0)
    for score in OnlineReferenceTests.scores {
      last = states.thresholds(series: 0, interval: 0)
      if score.below > last.lower || score.above > last.upper { misses += 1 }
      for threshold in [last.lower, last.upper] {
        if threshold.isInfinite { infinite += 1 } else { (sum, count) = (sum + threshold, count + 1) }
      }
      states.learn(score, series: 0, interval: 0)
    }
    #expect(misses == expected.misses)
    #expect(infinite == expected.infinite)
    #expect(abs(sum / Double(count) - expected.mean) < 1e-9)
    #expect(abs(last.lower - expected.lower) < 1e-9)
    #expect(abs(last.upper - expected.upper) < 1e-9)
  }
}
