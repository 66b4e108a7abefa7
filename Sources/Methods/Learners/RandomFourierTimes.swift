import Groundwork
import LinearAlgebra
import MethodKit

/// What random Fourier features choose where rows stand in time: bandwidth and penalty by the error on the last rows of a fit on those known
/// before, and each row's location by rows known before its block of time.
struct RandomFourierTimes {
  private let times: RowTimes
  /// n × p.
  private let rows: [Double]
  private let columns: Int
  private let target: [Double]
  private let weights: [Double]?
  private let median: Double
  private let count: Int
  private let context: FitContext
  private let last: RowSplit

  private static let blocks = 5
  private static let sample = 3000

  /// nil where rows do not stand in time, or all stand at one.
  init?(
    _ times: RowTimes?, rows: [Double], columns: Int, target: [Double], weights: [Double]?, median: Double, count: Int, context: FitContext
  ) {
    guard let times, let last = times.lastSplit(share: 0.2, of: Array(target.indices)) else { return nil }
    (self.times, self.rows, self.columns, self.target, self.weights) = (times, rows, columns, target, weights)
    (self.median, self.count, self.context, self.last) = (median, count, context, last)
  }

  /// The regression on some of the rows.
  func ridge(_ map: FourierFeatures, of members: [Int]) -> RidgeRegression {
    RidgeRegression(
      rows: members.count, columns: map.columns, weights: weights.map { weights in members.map { weights[$0] } }, threads: context.threads
    ) { range, z in for i in range { self.write(map, members[i], to: z + (i - range.lowerBound) * map.columns) } }
  }

  private func write(_ map: FourierFeatures, _ row: Int, to z: UnsafeMutablePointer<Double>) {
    rows.withUnsafeBufferPointer { x in
      if let base = x.baseAddress {
        map.write(base + row * columns, to: z)
      } else {
        // Without a column there is nothing to read.
        map.write(UnsafePointer(z), to: z)
      }
    }
  }

  private func predictions(_ map: FourierFeatures, _ coefficients: [Double], of members: [Int]) -> [Double] {
    var z = [Double](repeating: 0, count: map.columns)
    return members.map { row in
      z.withUnsafeMutableBufferPointer { write(map, row, to: $0.baseAddress!) }
      return z.indices.reduce(0) { $0 + z[$1] * coefficients[$1] }
    }
  }

  /// The penalty of least squared error on the last rows, and the error; nil where nothing could be solved.
  private func penalty(_ map: FourierFeatures) -> (penalty: Double, error: Double)? {
    // Rows stand in a random order, so the first are a sample.
    let teaching = Array(last.teaching.prefix(RandomFourierTimes.sample))
    let judged = Array(last.judged.prefix(RandomFourierTimes.sample))
    let regression = ridge(map, of: teaching)
    let goal = teaching.map { target[$0] }
    var best: (penalty: Double, error: Double)?
    for penalty in RidgeRegression.penalties {
      guard let fit = regression.fit(goal, judged: 1, penalties: [penalty]) else { continue }
      let answers = predictions(map, fit.coefficients, of: judged)
      let error = judged.indices.reduce(0.0) { sum, k in
        let distance = target[judged[k]] - answers[k]
        return sum + (weights?[judged[k]] ?? 1) * distance * distance
      }
      if error.isFinite, best == nil || error < best!.error { best = (penalty, error) }
    }
    return best
  }

  func chooseBandwidth(_ candidates: [Double]) -> Double {
    let most = min(count, last.teaching.count, 300)
    var best = (width: candidates.contains(1) ? 1 : candidates[0], error: Double.infinity)
    guard candidates.count > 1 else { return best.width }
    for candidate in candidates {
      let map = FourierFeatures(inputs: columns, count: most, bandwidth: candidate * median, seed: context.seed)
      if let trial = penalty(map), trial.error < best.error { best = (candidate, trial.error) }
    }
    return best.width
  }

  /// The fit on all rows, `leftOut` by rows known before; NaN of rows that nothing was known before.
  func location(_ map: FourierFeatures, _ regression: RidgeRegression) -> RidgeRegression.Fit? {
    guard let penalty = penalty(map)?.penalty, var fit = regression.fit(target, judged: 1, penalties: [penalty]) else { return nil }
    fit.leftOut = [Double](repeating: .nan, count: target.count)
    for split in times.splits(RandomFourierTimes.blocks, of: Array(target.indices)) {
      guard let earlier = ridge(map, of: split.teaching).fit(split.teaching.map { target[$0] }, judged: 1, penalties: [penalty]) else { return nil }
      for (k, answer) in predictions(map, earlier.coefficients, of: split.judged).enumerated() { fit.leftOut[split.judged[k]] = answer }
    }
    return fit.leftOut.contains { !$0.isNaN } ? fit : nil
  }
}
