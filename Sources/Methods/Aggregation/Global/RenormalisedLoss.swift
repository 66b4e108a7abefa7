import Groundwork
import Quantiles

/// What weights lose on all training terms (row, level) that any model predicts, where models are missing here and there: the loss of the answer
/// itself, so that weights learnt in different ways, on different terms or with different stand-ins, compare.
struct RenormalisedLoss {
  private let training: AggregationTraining
  private let rowWeights: [Double]
  private let threads: Int
  private static let blockRows = 256

  init(_ training: AggregationTraining, rowWeights: [Double], threads: Int) {
    self.training = training
    self.rowWeights = rowWeights
    self.threads = threads
  }

  /// Whether any training row lacks a prediction. Where none does, programmes see every term, and their optimum needs no comparison.
  var hasGaps: Bool {
    let width = training.predictions.models.count * training.predictions.levels.count
    return training.target.indices.contains { i in
      rowWeights[i] > 0 && training.predictions.values[i * width..<(i + 1) * width].contains { !$0.isFinite }
    }
  }

  /// Σ_i ω_i Σ_τ ψ_τ(y_i − ĝ_w(x_i; τ)) · `errorUnit` of p weights for all levels, with ĝ_w as `ModelWeights` answers. O(n·p·m), parallel.
  func callAsFunction(_ weights: [Double]) -> Double {
    sum { term in [pinball(term, weightedMean(count: weights.count, level: 0.5, value: term.value, weight: { weights[$0] }))] }[0]
  }

  /// The same for each model alone, all of them in one pass: where it is missing, the plain mean of those present answers.
  func ofSingleModels() -> [Double] {
    let p = training.predictions.models.count
    return sum { term in
      let mean = pinball(term, weightedMean(count: p, level: 0.5, value: term.value, weight: { _ in 1 }))
      return (0..<p).map { j in term.value(j).isNaN ? mean : pinball(term, term.value(j)) }
    }
  }

  private struct Term {
    let target: Double
    let level: Double
    /// Of model j, in units of `errorUnit`; NaN where it is missing.
    let value: (Int) -> Double
  }

  private func pinball(_ term: Term, _ quantile: Double) -> Double { pinballLoss(level: term.level, target: term.target, quantile: quantile) }

  /// Sums over terms in blocks of rows of a fixed size, so that threads change no bit.
  private func sum(_ losses: (Term) -> [Double]) -> [Double] {
    let (p, levels) = (training.predictions.models.count, training.predictions.levels)
    let n = training.target.count
    let parts = withoutActuallyEscaping(losses) { losses in
      nonisolated(unsafe) let losses = losses
      return try! parallelMap((n + RenormalisedLoss.blockRows - 1) / RenormalisedLoss.blockRows, threads: threads) { [training, rowWeights] block in
        var total: [Double] = []
        training.predictions.values.withUnsafeBufferPointer { values in
          for i in block * RenormalisedLoss.blockRows..<min(n, (block + 1) * RenormalisedLoss.blockRows) where rowWeights[i] > 0 {
            for (t, level) in levels.enumerated() {
              let value: (Int) -> Double = { j in
                let v = values[(i * p + j) * levels.count + t]
                return v.isFinite ? v * errorUnit : .nan
              }
              guard (0..<p).contains(where: { !value($0).isNaN }) else { continue }
              let found = losses(Term(target: training.target[i] * errorUnit, level: level, value: value))
              if total.isEmpty { total = [Double](repeating: 0, count: found.count) }
              for k in found.indices { total[k] += rowWeights[i] * found[k] }
            }
          }
        }
        return total
      }
    }
    return parts.reduce(into: []) { sum, part in
      if sum.isEmpty { sum = part } else { for k in part.indices { sum[k] += part[k] } }
    }
  }
}
