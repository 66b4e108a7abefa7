import Groundwork

extension SimplexPinballProgram {
  /// The programme of some models and levels of a training set.
  ///
  /// Errors are (ĝ_j − y) · `errorUnit` · `scale`, and c_r the weight of the row. A term enters where every one of
  /// `candidates` predicts it; with `fill`, where any does, and a missing prediction is then the mean of those present,
  /// weighted with `fill`, which leaves the prediction of weights `fill` as renormalising makes it.
  /// Cost: O(n·p·m), parallel over blocks.
  package init(
    _ training: AggregationTraining, rowWeights: [Double], candidates: [Int], levels: [Int], scale: Double,
    fill: [Double]?, threads: Int
  ) {
    let all = training.predictions.models.count
    let m = training.predictions.levels.count
    let p = candidates.count
    var terms: [(row: Int32, level: Int32)] = []
    training.predictions.values.withUnsafeBufferPointer { values in
      for i in training.target.indices where rowWeights[i] > 0 {
        for t in levels {
          var present = 0
          for j in candidates where values[(i * all + j) * m + t].isFinite { present += 1 }
          if present == p || fill != nil && present > 0 { terms.append((Int32(i), Int32(t))) }
        }
      }
    }
    let blockTerms = SimplexPinballProgram.blockTerms
    let blocks = (terms.count + blockTerms - 1) / blockTerms
    var errors = [Double](repeating: 0, count: blocks * p * blockTerms)
    errors.withDisjointSlots { errors in
      parallelFor(blocks, threads: threads) { [terms] (b: Int) in
        training.predictions.values.withUnsafeBufferPointer { values in
          for k in 0..<min(blockTerms, terms.count - b * blockTerms) {
            let (i, t) = (Int(terms[b * blockTerms + k].row), Int(terms[b * blockTerms + k].level))
            func prediction(_ j: Int) -> Double {
              let v = values[(i * all + candidates[j]) * m + t]
              return v.isFinite ? v * errorUnit : .nan
            }
            let y = training.target[i] * errorUnit
            var filling = Double.nan
            for j in 0..<p {
              var v = prediction(j)
              if v.isNaN {
                if filling.isNaN {
                  filling = weightedMean(count: p, level: 0.5, value: prediction, weight: { fill![$0] })
                }
                v = filling
              }
              errors[(b * p + j) * blockTerms + k] = (v - y) * scale
            }
          }
        }
      }
    }
    self.init(
      models: p, errors: errors,
      high: terms.map { rowWeights[Int($0.row)] * training.predictions.levels[Int($0.level)] },
      low: terms.map { rowWeights[Int($0.row)] * (1 - training.predictions.levels[Int($0.level)]) })
  }
}
