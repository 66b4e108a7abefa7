import Glibc
import Groundwork
import Quantiles

/// Which base quantiles an output level mixes, and how finely the weights vary with the level (Fakoor et al. 2023, section 3.1).
///
/// Output level τ_t mixes S *sources*, each a base model at an input level that depends on t:
///
///     ĝ(x; τ_t) = Σ_s w_s^t(x) ĝ_{j(s)}(x; ν_s(τ_t)),   Σ_s w_s^t = 1, w ≥ 0.
///
/// *coarse* and *medium*: a source a model, at the output's own level. *fine*: each model at every level, or, in *offsets*, at levels
/// moved by fixed steps of the normal score, Φ(Φ⁻¹(τ_t) + δ_o): neighbouring output levels then share their weights. Beyond the outermost
/// level a quantile goes on with the outermost slope, so that an offset there widens a distribution that every model has too narrow.
///
/// Logits are linear between K *knots* of the level, in the normal score: K = 1 is coarse, K = m the paper's free weights at each level.
package struct MixtureShape: BinaryCodable, Equatable, Sendable {
  package let models: Int
  package let levels: [Double]
  /// Level indices of the knots.
  package let knots: [Int]
  /// Normal-score steps of the sources of a model; none stands for each level of the model itself.
  package let offsets: [Double]

  /// Whether a shift of all levels is learnt beside the weights.
  package let shifts: Bool

  /// Levels in whole vectors: the distance between sources.
  let stride: Int
  /// K × stride: what the logit at a knot counts at a level.
  let basis: [Float]
  /// Of offset o and level t, at o·m + t: the value lies between level `lower` and the next at `share` of the way, which may be outside [0, 1].
  /// Empty where sources stand for levels of the model itself.
  let lower: [Int32]
  let share: [Float]

  package var places: Int { offsets.isEmpty ? levels.count : offsets.count }
  package var sources: Int { models * places }
  /// Logits a network has to give: source by source, knot by knot.
  package var logits: Int { sources * knots.count }
  package var outputs: Int { logits + (shifts ? 1 : 0) }
  /// Whether each source is a model at the output's own level.
  var isDirect: Bool { offsets == [0] }

  package init(models: Int, levels: [Double], knots most: Int, offsets: [Double], shifts: Bool) {
    self.models = models
    self.levels = levels
    self.offsets = offsets
    self.shifts = shifts
    let m = levels.count
    let z = levels.map { max(-8, min(8, NormalDistribution.quantile($0))) }
    let count = most <= 0 ? m : min(most, m)
    if count == m {
      knots = Array(0..<m)
    } else if count == 1 {
      knots = [m / 2]
    } else {
      // Evenly in the normal score, each at a level of its own.
      var chosen: [Int] = []
      for k in 0..<count {
        let wanted = z[0] + (z[m - 1] - z[0]) * Double(k) / Double(count - 1)
        let from = (chosen.last ?? -1) + 1
        let to = m - (count - k)
        chosen.append((from...to).min { abs(z[$0] - wanted) < abs(z[$1] - wanted) }!)
      }
      knots = chosen
    }
    stride = (m + 15) / 16 * 16
    var basis = [Float](repeating: 0, count: knots.count * stride)
    if knots.count == 1 {
      for t in 0..<m { basis[t] = 1 }
    } else {
      var k = 0
      for t in 0..<m {
        while k + 2 < knots.count && knots[k + 1] <= t { k += 1 }
        let (a, b) = (z[knots[k]], z[knots[k + 1]])
        let share = b > a ? Float((z[t] - a) / (b - a)) : Float(t == knots[k] ? 0 : 1)
        basis[k * stride + t] = 1 - share
        basis[(k + 1) * stride + t] = share
      }
    }
    self.basis = basis
    var lower: [Int32] = []
    var share: [Float] = []
    for offset in offsets {
      for t in 0..<m {
        if m == 1 || offset == 0 {
          lower.append(Int32(min(t, max(m - 2, 0))))
          share.append(m > 1 && t == m - 1 ? 1 : 0)
          continue
        }
        let wanted = z[t] + offset
        var i = 0
        while i + 2 < m && z[i + 1] <= wanted { i += 1 }
        lower.append(Int32(i))
        let width = z[i + 1] - z[i]
        // An offset may reach beyond the outermost levels by as much as it is long.
        share.append(width > 0 ? Float((wanted - z[i]) / width) : 0)
      }
    }
    self.lower = lower
    self.share = share
  }

  /// Whether tables of so many sources and knots over all levels are of a size that is worth having: 2²⁷ numbers each at most.
  static func isManageable(models: Int, levels: Int, knots most: Int, offsets: Int) -> Bool {
    let knots = most <= 0 ? levels : min(most, levels)
    let (sources, first) = models.multipliedReportingOverflow(by: offsets == 0 ? levels : offsets)
    let (cells, second) = max(sources, knots).multipliedReportingOverflow(by: levels)
    return !first && !second && cells <= 1 << 27
  }

  package func encode(into writer: inout ByteWriter) {
    writer.write(models)
    writer.write(levels)
    writer.write(knots.count)
    writer.write(offsets)
    writer.write(shifts)
  }

  package init(decoding reader: inout ByteReader) throws {
    let models = try reader.readInt()
    let levels = try reader.readArray(of: Double.self)
    let knots = try reader.readInt()
    let offsets = try reader.readArray(of: Double.self)
    let shifts = try reader.readBool()
    guard models >= 1, !levels.isEmpty, levels.allSatisfy({ $0 > 0 && $0 < 1 }), (1...levels.count).contains(knots),
      offsets.allSatisfy({ abs($0) <= 10 }),
      MixtureShape.isManageable(models: models, levels: levels.count, knots: knots, offsets: offsets.count)
    else { throw ByteReader.damaged }
    // Networks follow, which have a bias a logit at least; but for one model alone, which has none.
    let logits = models * (offsets.isEmpty ? levels.count : offsets.count) * knots
    guard logits == 1 || logits <= reader.remaining / MemoryLayout<Float>.stride else { throw ByteReader.damaged }
    self.init(models: models, levels: levels, knots: knots, offsets: offsets, shifts: shifts)
  }

  /// S × stride source values of a row of p × m base predictions.
  func gather(_ base: UnsafePointer<Float>, into values: UnsafeMutablePointer<Float>) {
    let m = levels.count
    let places = places
    for j in 0..<models {
      let own = base + j * m
      if isDirect || m == 1 {
        for o in 0..<places { (values + (j * places + o) * stride).update(from: own, count: m) }
        continue
      }
      if offsets.isEmpty {
        for v in 0..<m { (values + (j * places + v) * stride).update(repeating: own[v], count: m) }
        continue
      }
      lower.withUnsafeBufferPointer { lower in
        share.withUnsafeBufferPointer { share in
          for o in 0..<places {
            let target = values + (j * places + o) * stride
            let (lower, share) = (lower.baseAddress! + o * m, share.baseAddress! + o * m)
            for t in 0..<m {
              let from = Int(lower[t])
              // At a level of the model's own a neighbour that is missing takes nothing away.
              target[t] = share[t] == 0 ? own[from] : share[t] == 1 ? own[from + 1] : own[from] + share[t] * (own[from + 1] - own[from])
            }
          }
        }
      }
    }
  }
}

extension MixtureShape {
  /// Outputs of a network that gives every row about these weights of the models, each mostly at the output's own level.
  func biases(modelWeights: [Double]) -> [Float] {
    var result = [Float](repeating: 0, count: outputs)
    for j in 0..<models {
      // A model of weight zero must be able to come back.
      let model = log(0.8 * modelWeights[j] + 0.2 / Double(models))
      for o in 0..<places {
        for k in knots.indices {
          let isOwn = offsets.isEmpty ? o == knots[k] : offsets[o] == 0
          result[(j * places + o) * knots.count + k] = Float(model - (isOwn ? 0 : offsets.isEmpty ? log(Double(levels.count)) : 3))
        }
      }
    }
    return result
  }
}
