import Aggregation
import Groundwork
import Quantiles
import Testing

@Suite struct CrossingPenaltyTests {
  /// Σ_{s<t} (q_s − q_t + δ)_+ and its derivative, pair by pair.
  private func plain(_ q: [Float], margin: Float) -> (value: Double, gradient: [Double]) {
    var value = 0.0
    var gradient = [Double](repeating: 0, count: q.count)
    for t in q.indices {
      for s in 0..<t where q[s] + margin > q[t] {
        value += Double(q[s]) + Double(margin) - Double(q[t])
        gradient[s] += 1
        gradient[t] -= 1
      }
    }
    return (value, gradient)
  }

  /// Rows as they come, sorted, reversed, with ties, all alike.
  private func rows(_ m: Int, _ random: inout RandomStream) -> [[Float]] {
    let free = (0..<m).map { Float($0) / Float(m) + Float(random.uniform() - 0.5) }
    return [free, free.sorted(), free.sorted().reversed(), free.map { ($0 * 4).rounded() / 4 }, [Float](repeating: 1.5, count: m)]
  }

  @Test(arguments: [1, 2, 3, 9, 64, 99])
  func itIsTheSumOverAllPairs(_ m: Int) {
    var random = RandomStream(seed: UInt64(m))
    let places = UnsafeMutablePointer<Int32>.allocate(capacity: 2 * m)
    defer { places.deallocate() }
    for row in (0..<20).flatMap({ _ in rows(m, &random) }) {
      for margin: Float in [0, 0.01, 0.25] {
        let expected = plain(row, margin: margin)
        var gradient = [Float](repeating: 0.5, count: m)
        let value = CrossingPenalty.add(row, count: m, margin: margin, weight: 2, to: &gradient, places: places)
        // Floats add up the parts of m² / 2 pairs.
        #expect(abs(Double(value) - expected.value) <= 1e-6 * (1 + expected.value) + 1e-7 * Double(m * m))
        #expect(gradient.map(Double.init) == expected.gradient.map { 0.5 + 2 * $0 })
      }
    }
  }

  /// 64 Ki pairs of a reversed row would take m² = 4 · 10⁹ steps one by one, some seconds.
  @Test func aLongReversedRowIsCountedInTime() {
    let m = 1 << 16
    let row = (0..<m).map { Float(m - $0) }
    var gradient = [Float](repeating: 0, count: m)
    let places = UnsafeMutablePointer<Int32>.allocate(capacity: 2 * m)
    defer { places.deallocate() }
    _ = CrossingPenalty.add(row, count: m, margin: 0, weight: 1, to: &gradient, places: places)
    #expect(gradient == (0..<m).map { Float(m - 1 - 2 * $0) })
  }
}

@Suite struct IsotonicLayerTests {
  /// Σ_t c_t · (the operator's value at t).
  private func sum(_ operation: IsotonicOperator, _ row: [Double], _ slopes: [Double], anchor: Int) -> Double {
    zip(operation.applied(to: row, anchor: anchor), slopes).reduce(0) { $0 + $1.0 * $1.1 }
  }

  /// Of random rows, which have no ties, by central differences: an operator is linear between ties, so these err by rounding only.
  @Test(arguments: IsotonicOperator.allCases, [1, 2, 5, 23, 99])
  func pullBacksAreThoseOfFiniteDifferences(_ operation: IsotonicOperator, _ m: Int) {
    var random = RandomStream(seed: 7)
    let layer = IsotonicLayer(capacity: m)
    for _ in 0..<10 {
      let disorder = random.uniform() * 2
      let row = (0..<m).map { Float(Double($0) / Double(m) + disorder * (random.uniform() - 0.5)) }
      let slopes = (0..<m).map { _ in Float(random.uniform() - 0.5) }
      let anchor = random.below(m)
      layer.apply(operation, row, count: m, anchor: anchor)
      #expect(Array(layer.values[..<m]) == operation.applied(to: row.map(Double.init), anchor: anchor))
      var derivative = slopes
      layer.pullBack(&derivative, count: m)
      for k in 0..<m {
        var (up, down) = (row.map(Double.init), row.map(Double.init))
        up[k] += 1e-9
        down[k] -= 1e-9
        let difference =
          (sum(operation, up, slopes.map(Double.init), anchor: anchor) - sum(operation, down, slopes.map(Double.init), anchor: anchor)) / 2e-9
        #expect(abs(Double(derivative[k]) - difference) < 1e-5)
      }
    }
  }

  /// What an operator leaves alone passes derivatives through.
  @Test(arguments: IsotonicOperator.allCases)
  func orderedRowsPassDerivativesThrough(_ operation: IsotonicOperator) {
    let layer = IsotonicLayer(capacity: 4)
    layer.apply(operation, [1, 2, 2, 3], count: 4, anchor: 1)
    var derivative: [Float] = [1, 2, 3, 4]
    layer.pullBack(&derivative, count: 4)
    #expect(derivative == [1, 2, 3, 4])
  }
}
