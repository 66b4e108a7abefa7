import Calibration
import MethodKit
import Testing

/// What scripts/reference/online.py prints: of 2000 rows, method and settings, α, rows that missed, infinite thresholds, the mean of the finite ones,
/// and the last ones below and above. Methods with settings had scores with many ties.
private let reference: [(method: String, alpha: Double, misses: Int, infinite: Int, mean: Double, lower: Double, upper: Double)] = [
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
  ("aci:gamma=0.05,window=25", 0.02, 39, 1216, 1.7194683908, 2.5, 2.5),
  ("aci:gamma=0.05,window=25", 0.2, 399, 8, 1.01928857715, 1.5, 1.5),
  ("aci:gamma=0.05,window=25", 0.9, 1638, 2, -0.928964482241, -1, -1),
  ("dtaci:horizon=40,window=25", 0.02, 38, 988, 1.90537848606, 2.5, 2.5),
  ("dtaci:horizon=40,window=25", 0.2, 386, 8, 1.00300601202, 1.5, 1.5),
  ("dtaci:horizon=40,window=25", 0.9, 1661, 2, -0.962981490745, -1, -1),
  ("agaci:window=25", 0.02, 65, 2, 2.26658878606, 2.5, 2.5),
  ("agaci:window=25", 0.2, 469, 2, 1.01922402237, 1.51566220229, 1.52653698804),
  ("agaci:window=25", 0.9, 1664, 2, -0.951709458331, -1, -1),
  ("saocp:lifetime=2", 0.02, 103, 0, 2.22422524835, 2.62254921455, 2.62254921455),
  ("saocp:lifetime=2", 0.2, 504, 0, 1.05153499237, 1.46449847162, 1.46449847162),
  ("saocp:lifetime=2", 0.9, 1689, 0, -0.726170267179, -0.733245738853, -0.733245738853),
  ("pid:rate=0.02,integrator=0.5,saturation=0.05,window=10", 0.02, 53, 64, 53.9811590778, 3.96802622134, 3.96802622134),
  ("pid:rate=0.02,integrator=0.5,saturation=0.05,window=10", 0.2, 405, 20, 1.21483969463, 1.85415846128, 1.85415846128),
  ("pid:rate=0.02,integrator=0.5,saturation=0.05,window=10", 0.9, 1776, 0, -1.12040928292, -0.726180700058, -0.726180700058),
]

@Suite struct OnlineReferenceTests {
  /// The scores that the script draws.
  private static func scores(tied: Bool) -> [EndScores] {
    var state = 7
    func uniform() -> Double {
      state = (1_103_515_245 * state + 12345) % (1 << 31)
      return Double(state) / Double(1 << 31)
    }
    return (0..<2000).map { t in
      var y = (uniform() + uniform() - 1) * (t < 1000 ? 2 : 6)
      if tied { y = (2 * y).rounded(.down) / 2 }
      return EndScores(below: -1 - y, above: y - 1)
    }
  }

  @Test(arguments: reference.indices)
  func methodsAgreeWithAnotherImplementation(_ i: Int) throws {
    let expected = reference[i]
    let parts = expected.method.split(separator: ":")
    let settings = parts.dropFirst().joined().split(separator: ",").map { $0.split(separator: "=") }.map {
      (key: String($0[0]), value: String($0[1]))
    }
    let type = onlineRegistry.first { $0.description.name == parts[0] }!
    let states = type.states(alphas: [expected.alpha], settings: try Settings(settings, of: type.description))
    states.addSeries()
    var (misses, infinite, sum, count) = (0, 0, 0.0, 0)
    var last = OnlineThresholds(both: 0)
    for score in OnlineReferenceTests.scores(tied: !settings.isEmpty) {
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
