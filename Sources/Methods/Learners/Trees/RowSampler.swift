import Groundwork

/// Draws the sample of a tree.
struct RowSampler: Sendable {
  let rows: Int
  let draws: Int
  let replace: Bool
  let weights: [Double]?
  /// Running sums of the weights.
  private let cumulative: [Double]

  init(rows: Int, weights: [Double]?, share: Double, replace: Bool) {
    self.rows = rows
    self.weights = weights
    self.replace = replace
    draws = max(1, Int((share * Double(rows)).rounded()))
    var sum = 0.0
    cumulative =
      replace
      ? (weights ?? []).map {
        sum += $0; return sum
      } : []
  }

  /// The weight of each row in a tree: with replacement how often it was drawn, in proportion to its row weight; without,
  /// the row weight of those drawn, all rows alike.
  func draw(_ random: inout RandomStream) -> [Double] {
    var answer = [Double](repeating: 0, count: rows)
    if !replace {
      // Selection sampling (Knuth, The Art of Computer Programming 2, §3.4.2, algorithm S).
      var wanted = draws
      for i in 0..<rows where wanted == rows - i || random.below(rows - i) < wanted {
        answer[i] = weights?[i] ?? 1
        wanted -= 1
        if wanted == 0 { break }
      }
    } else if let total = cumulative.last {
      for _ in 0..<draws {
        let point = random.uniform() * total
        answer[partitionPoint(0..<rows - 1) { cumulative[$0] > point }] += 1
      }
    } else {
      for _ in 0..<draws { answer[random.below(rows)] += 1 }
    }
    return answer
  }
}
