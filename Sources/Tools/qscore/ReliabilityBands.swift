import Scoring

/// The ends of the bands of `--reliability`, each worked out once: groups of as many rows have the same.
final class ReliabilityBands {
  private let levels: [[Double]]
  private var joint: [[Double]: JointCoverageBand] = [:]
  private var known: [Int: [[Double]]] = [:]
  private var knownModel = -1

  /// `levels` of each model.
  init(levels: [[Double]]) { self.levels = levels }

  /// Of model g at its level t, the ends of the band of that level alone, and of that of all levels together.
  func ends(_ g: Int, _ t: Int, count: Int) -> [Double] {
    // Models mostly have the same levels, and bands of a few counts are soon made.
    if knownModel < 0 || knownModel != g && levels[knownModel] != levels[g] || known.count > 10_000 {
      known = [:]
      knownModel = g
    }
    if let ends = known[count] { return ends[t] }
    let band = joint[levels[g]] ?? JointCoverageBand(levels: levels[g])
    joint[levels[g]] = band
    let ends = levels[g].indices.map { j -> [Double] in
      let (alone, together) = (coverageBand(level: levels[g][j], count: count, outside: 0.05), band.shares(j, count: count))
      return [alone.lower, alone.upper, together.lower, together.upper]
    }
    known[count] = ends
    return ends[t]
  }
}
