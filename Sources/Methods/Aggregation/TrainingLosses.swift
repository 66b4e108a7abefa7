import Groundwork
import Quantiles

/// What each of p models lost on the training rows, each over the terms (row, level) it predicts; infinite predictions
/// count as missing. One pass of O(n·p·m), parallel over blocks of rows of a fixed size.
struct TrainingLosses {
  /// Terms a model predicts.
  var terms: [Int]
  /// Σ ω_i over a model's terms.
  var weight: [Double]
  /// Σ ω_i ψ_τ(y_i − ĝ_j(x_i; τ)) · `errorUnit` over a model's terms.
  var loss: [Double]
  /// The same for ψ less the smallest loss that any model has at that term: how hard a row is cancels.
  var regret: [Double]
  /// Terms that any model predicts, and that all of `p` predict.
  var anyTerms = 0
  var allTerms = 0

  init(_ training: AggregationTraining, rowWeights: [Double], threads: Int) {
    let n = training.target.count
    let p = training.predictions.models.count
    let blockRows = 256
    var empty = TrainingLosses(models: p)
    let blocks = try! parallelMap((n + blockRows - 1) / blockRows, threads: threads) { block -> TrainingLosses in
      var part = TrainingLosses(models: p)
      part.add(training, rows: block * blockRows..<min(n, (block + 1) * blockRows), rowWeights: rowWeights)
      return part
    }
    for block in blocks { empty.add(block) }
    self = empty
  }

  private init(models p: Int) {
    terms = [Int](repeating: 0, count: p)
    weight = [Double](repeating: 0, count: p)
    loss = weight
    regret = weight
  }

  /// The mean pinball loss of model j over its own terms, in units of the target over `errorUnit`.
  func meanLoss(_ j: Int) -> Double { weight[j] > 0 ? loss[j] / weight[j] : .infinity }
  var smallestMeanLoss: Double { terms.indices.reduce(.infinity) { min($0, meanLoss($1)) } }
  func meanRegret(_ j: Int) -> Double { weight[j] > 0 ? regret[j] / weight[j] : .infinity }

  private mutating func add(_ other: TrainingLosses) {
    for j in terms.indices {
      terms[j] += other.terms[j]
      weight[j] += other.weight[j]
      loss[j] += other.loss[j]
      regret[j] += other.regret[j]
    }
    anyTerms += other.anyTerms
    allTerms += other.allTerms
  }

  private mutating func add(_ training: AggregationTraining, rows: Range<Int>, rowWeights: [Double]) {
    let p = terms.count
    let levels = training.predictions.levels
    let m = levels.count
    var losses = [Double](repeating: 0, count: p)
    training.predictions.values.withUnsafeBufferPointer { values in
      for i in rows where rowWeights[i] > 0 {
        let y = training.target[i] * errorUnit
        for t in 0..<m {
          var present = 0
          var smallest = Double.infinity
          for j in 0..<p {
            let v = values[(i * p + j) * m + t]
            losses[j] = .nan
            guard v.isFinite else { continue }
            present += 1
            losses[j] = pinballLoss(level: levels[t], target: y, quantile: v * errorUnit)
            smallest = min(smallest, losses[j])
          }
          if present == 0 { continue }
          anyTerms += 1
          if present == p { allTerms += 1 }
          for j in 0..<p where !losses[j].isNaN {
            terms[j] += 1
            weight[j] += rowWeights[i]
            loss[j] += rowWeights[i] * losses[j]
            regret[j] += rowWeights[i] * (losses[j] - smallest)
          }
        }
      }
    }
  }
}
