import Quantiles

/// Few levels that stand for many: the answers at the others are interpolated between them, linearly in the normal quantile
/// of the level, in which the quantiles of a normal distribution are a line.
struct LevelKnots: Sendable {
  /// Indices into the levels, increasing.
  let knots: [Int]
  /// Of each level: it lies between knots `lower` and `lower + 1`, at `share` of the way.
  let places: [(lower: Int, share: Double)]

  /// All levels where there are at most `most`; otherwise that many at most, spread half evenly and half by the normal quantile.
  init(_ levels: [Double], most: Int) {
    // Bounded, because levels next to 0 or 1 must not stand at infinity.
    let z = levels.map { max(-40, min(40, NormalDistribution.quantile($0))) }
    if levels.count <= most {
      knots = Array(levels.indices)
    } else {
      let width = (max(z.last! - z[0], 1e-300), max(levels.last! - levels[0], 1e-300))
      var chosen: [Int] = []
      var next = 0
      for (j, level) in levels.enumerated() {
        let position = 0.5 * ((z[j] - z[0]) / width.0 + (level - levels[0]) / width.1) * Double(most - 1)
        if position >= Double(next) - 1e-9 || j == levels.count - 1 {
          chosen.append(j)
          next = Int(position + 1e-9) + 1
        }
      }
      knots = chosen
    }
    let knots = knots
    var lower = 0
    places = levels.indices.map { j in
      while lower + 2 < knots.count && knots[lower + 1] <= j { lower += 1 }
      guard knots.count > 1 else { return (0, 0) }
      let (a, b) = (z[knots[lower]], z[knots[lower + 1]])
      return (lower, b > a ? (z[j] - a) / (b - a) : 0)
    }
  }
}
